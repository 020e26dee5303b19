/* A device whose registers live in a page that traps: every volatile access is counted by the processor itself. */
#define _GNU_SOURCE
#include "check.h"
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Plain memory stands for the registers; what is checked is the sequence that a model of the device sees. */
struct device {
  volatile uint32_t command, status, data, count;
};

static struct device port;
static volatile uint32_t log_of[32];
static volatile unsigned logged;

static void tick(void) {
  log_of[logged & 31] = port.command << 16 | port.data;
  logged = logged + 1;
  port.status = port.status + port.command;
}

static uint32_t write_all(const uint8_t *bytes, unsigned n) {
  uint32_t retries = 0;
  for (unsigned i = 0; i < n; ++i) {
    port.data = 0;        /* overwritten at once, but the device has seen it */
    port.data = bytes[i];
    port.command = 1;
    tick();
    while ((port.status & 3) == 3) {
      ++retries;
      port.command = 1;
      tick();
    }
    port.command = 0;
  }
  return retries;
}

/* Each read is one; doubling one read instead would halve the count. */
uint32_t volatile_device_read_twice(volatile uint32_t *r) {
  uint32_t a = *r, b = *r;
  return a + b;
}

static volatile sig_atomic_t faults;
static volatile char *page;

static void on_fault(int number) {
  (void)number;
  faults = faults + 1;
  mprotect((void *)page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
}

int main(void) {
  const uint8_t bytes[] = {0x10, 0x20, 0x30, 0x40, 0x50};
  uint32_t retries = write_all(bytes, (unsigned)opaque(5));
  printf("%u retries, %u ticks, status %u\n", retries, logged, port.status);
  CHECK(logged == 5 + retries && port.status == logged && retries == 1);
  for (unsigned i = 0; i < logged; ++i) printf("%x\n", log_of[i]);
  CHECK(volatile_device_read_twice(&port.status) == 2 * logged);
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  struct sigaction action = {.sa_handler = on_fault};
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, NULL);
  for (int i = 0; i < opaque(3); ++i) {
    mprotect((void *)page, size, PROT_NONE);
    (void)page[i]; /* the value is not used; the access has to happen */
    mprotect((void *)page, size, PROT_READ);
    page[i] = (char)i; /* never read again */
  }
  printf("%d faults\n", (int)faults);
  CHECK(faults == 6);
  munmap((void *)page, size);
  return failures != 0;
}
