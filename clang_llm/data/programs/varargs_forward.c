/* va_list handed on, copied and kept in a structure: a small printf of our own in three layers. */
#include "check.h"
#include <stdarg.h>
#include <string.h>

struct sink {
  char text[128];
  unsigned used;
};

static void put(struct sink *sink, char c) {
  if (sink->used + 1 < sizeof sink->text) sink->text[sink->used++] = c;
  sink->text[sink->used] = 0;
}

static void put_number(struct sink *sink, unsigned long value, unsigned base, int width) {
  if (value >= base || width > 1) put_number(sink, value / base, base, width - 1);
  put(sink, "0123456789abcdef"[value % base]);
}

static void vformat(struct sink *sink, const char *format, va_list args) {
  for (; *format; ++format) {
    if (*format != '%') {
      put(sink, *format);
      continue;
    }
    int width = 0;
    while (*++format >= '0' && *format <= '9') width = width * 10 + *format - '0';
    switch (*format) {
      case 'd': {
        int value = va_arg(args, int);
        if (value < 0) put(sink, '-');
        put_number(sink, value < 0 ? 0ul - (unsigned long)value : (unsigned long)value, 10, width);
        break;
      }
      case 'x': put_number(sink, va_arg(args, unsigned), 16, width); break;
      case 'f': {
        double value = va_arg(args, double);
        put_number(sink, (unsigned long)value, 10, 0);
        put(sink, '.');
        put_number(sink, (unsigned long)((value - (double)(unsigned long)value) * 100), 10, 2);
        break;
      }
      case 's':
        for (const char *s = va_arg(args, const char *); *s; ++s) put(sink, *s);
        break;
      default: put(sink, *format);
    }
  }
}

/* Formats twice from one list; the second pass needs a copy made before the first. */
static void vtwice(struct sink *sink, const char *format, va_list args) {
  va_list copy;
  va_copy(copy, args);
  vformat(sink, format, args);
  put(sink, '|');
  vformat(sink, format, copy);
  va_end(copy);
}

const char *varargs_forward_format(struct sink *sink, int twice, const char *format, ...) {
  va_list args;
  va_start(args, format);
  sink->used = 0;
  (twice ? vtwice : vformat)(sink, format, args);
  va_end(args);
  return sink->text;
}

int main(void) {
  struct sink sink;
  char reference[128];
  const char *mine = varargs_forward_format(&sink, 0, "%d %4x %s%% %f", -42, 0xbeefu, "ok", 3.25);
  puts(mine);
  CHECK(strcmp(mine, "-42 beef ok% 3.25") == 0);
  mine = varargs_forward_format(&sink, 1, "%3d,%s,%x,%f,%d,%d,%d", opaque(5), "a", 255u, 10.5, 1, 2, 3);
  puts(mine);
  snprintf(reference, sizeof reference, "%03d,%s,%x,%.2f,%d,%d,%d", 5, "a", 255u, 10.5, 1, 2, 3);
  CHECK(strncmp(mine, reference, strlen(reference)) == 0);
  CHECK(strcmp(strchr(mine, '|') + 1, reference) == 0);
  CHECK(strlen(varargs_forward_format(&sink, 0, "%s%s%s", "0123456789012345678901234567890123456789012345678901",
                                      "0123456789012345678901234567890123456789012345678901",
                                      "0123456789012345678901234567890123456789012345678901")) == 127);
  return failures != 0;
}
