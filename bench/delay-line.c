/*
 * A long wire between two network devices: every packet that one of them sends comes out of the other one so many microseconds later, in order.
 * usage: delay-line DEVICE DEVICE MICROSECONDS
 *
 * The delay is below TCP, so that each connection meets it as it would meet distance. Packets of up to 64 KiB pass whole, with the checksum and
 * segmentation that a network card would do left to the other side (virtio_net_hdr), so that the wire is not the bottleneck. It holds what is under way,
 * at most MAX_HELD packets each way, drops what is beyond, and says at its end how much passed and how much was dropped. It ends by SIGTERM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKET (65535 + 64)
#define MAX_HELD 16384
#define BURST 64

struct packet { int64_t due; uint32_t size; unsigned char *bytes; };
struct way { int from, to; struct packet *held; unsigned first, count; uint64_t passed, dropped, bytes; };

static volatile sig_atomic_t stopped;
static unsigned char scratch[MAX_PACKET];

static void stop(int signal) { (void)signal; stopped = 1; }

static void fail(const char *what) { perror(what); exit(1); }

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int device(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0) fail("/dev/net/tun");
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) fail("TUNSETOFFLOAD");
  return fd;
}

/* Takes what the sending device has, a burst at a time so that nothing due waits for it; 1 when there may be more. */
static int take(struct way *way, int64_t delay) {
  for (int i = 0; i < BURST; i++) {
    ssize_t size = read(way->from, scratch, sizeof scratch);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (size < 0) fail("read");
    if (way->count == MAX_HELD) { way->dropped++; continue; }
    struct packet *packet = &way->held[(way->first + way->count++) % MAX_HELD];
    packet->due = now() + delay;
    packet->size = size;
    if (!(packet->bytes = malloc(size))) fail("malloc");
    memcpy(packet->bytes, scratch, size);
  }
  return 1;
}

static void give(struct way *way, int64_t time) {
  while (way->count > 0 && way->held[way->first].due <= time) {
    struct packet *packet = &way->held[way->first];
    if (write(way->to, packet->bytes, packet->size) < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      way->dropped++;
    } else {
      way->passed++;
      way->bytes += packet->size;
    }
    free(packet->bytes);
    way->first = (way->first + 1) % MAX_HELD;
    way->count--;
  }
}

static int64_t nextDue(const struct way *way) {
  return way->count > 0 ? way->held[way->first].due : INT64_MAX;
}

int main(int count, char **arguments) {
  if (count != 4) return fprintf(stderr, "usage: delay-line DEVICE DEVICE MICROSECONDS\n"), 2;
  int64_t delay = atoll(arguments[3]) * 1000;
  int near = device(arguments[1]), far = device(arguments[2]);
  struct way ways[2] = { { .from = near, .to = far }, { .from = far, .to = near } };
  for (int i = 0; i < 2; i++) if (!(ways[i].held = calloc(MAX_HELD, sizeof(struct packet)))) fail("calloc");
  struct sigaction action = { .sa_handler = stop };
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  fprintf(stderr, "ready\n");
  while (!stopped) {
    int more = take(&ways[0], delay) | take(&ways[1], delay);
    int64_t time = now();
    give(&ways[0], time);
    give(&ways[1], time);
    if (more) continue;
    int64_t due = nextDue(&ways[0]) < nextDue(&ways[1]) ? nextDue(&ways[0]) : nextDue(&ways[1]);
    int64_t rest = due == INT64_MAX ? 1000000000 : due > time ? due - time : 0;
    struct timespec wait = { rest / 1000000000, rest % 1000000000 };
    struct pollfd polled[2] = { { near, POLLIN, 0 }, { far, POLLIN, 0 } };
    ppoll(polled, 2, &wait, NULL);
  }
  for (int i = 0; i < 2; i++)
    fprintf(stderr, "way %d: %llu packets, %llu bytes, %llu dropped\n", i, (unsigned long long)ways[i].passed,
            (unsigned long long)ways[i].bytes, (unsigned long long)ways[i].dropped);
  return 0;
}
