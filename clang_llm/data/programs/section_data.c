/* Tables that the linker gathers: variables in a named section, walked from its begin to its end. */
#include "check.h"
#include <stddef.h>
#include <string.h>

#ifdef __ELF__
struct command {
  const char *name;
  int (*run)(int);
};

#define COMMAND(id, text, expression)                     \
  static int run_##id(int x) { return expression; }       \
  static const struct command command_##id = {text, run_##id}; \
  __attribute__((used, section("section_data_table"))) static const struct command *const entry_##id = &command_##id;

COMMAND(add, "add", x + 7)
COMMAND(plus, "plus", x + 7) /* equal, but another command */
COMMAND(twice, "twice", x * 2)
COMMAND(negate, "negate", -x)

extern const struct command *const table_begin[] __asm__("__start_section_data_table");
extern const struct command *const table_end[] __asm__("__stop_section_data_table");

__attribute__((used, section("section_data_numbers"))) static int number_a = 5;
__attribute__((used, section("section_data_numbers"))) static int number_b = 5;
__attribute__((used, section("section_data_numbers"))) static int number_c;
extern int numbers_begin[] __asm__("__start_section_data_numbers");
extern int numbers_end[] __asm__("__stop_section_data_numbers");

static int call(const char *name, int x) {
  for (const struct command *const *each = table_begin; each != table_end; ++each)
    if (strcmp((*each)->name, name) == 0) return (*each)->run(x);
  return -1;
}

static int sum_of_numbers(void) {
  int sum = 0;
  for (int *each = numbers_begin; each != numbers_end; ++each) sum += *each;
  return sum;
}

int main(void) {
  static const char *const names[] = {"add", "plus", "twice", "negate", "none"};
  for (int i = 0; i < 5; ++i) printf("%s %d\n", names[i], call(names[opaque(i)], opaque(i + 20)));
  CHECK(table_end - table_begin == 4);
  CHECK(call("add", opaque(1)) == 8 && call("plus", opaque(2)) == 9 && call("twice", 21) == 42 && call("negate", 3) == -3);
  CHECK(call("none", 1) == -1);
  CHECK(numbers_end - numbers_begin == 3 && sum_of_numbers() == 10);
  /* Nobody names the variables that change here, but they are the same. */
  for (int *each = numbers_begin; each != numbers_end; ++each) *each += opaque(3);
  CHECK(number_a == 8 && number_b == 8 && number_c == 3);
  number_c = opaque(100);
  CHECK(sum_of_numbers() == 116);
  printf("%d\n", sum_of_numbers());
#else
int main(void) {
  puts("no sections");
#endif
  return failures != 0;
}
