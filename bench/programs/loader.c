/* What the sink itself can do: sends encoded beforehand, by a client that
 * writes and counts and does nothing else.
 *
 *   cc -O2 -o loader loader.c
 *   ./loader BROKER_PORT WINDOW SIZE SECONDS WARM TOPIC
 *
 * One thread, one connection, WINDOW frames outstanding, one write() for all
 * that one read() has answered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM (1 << 22)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* The most KiB held; ru_maxrss would begin with what the process that started us held. */
static long peak(void) {
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %ld", &kib);
    if (f) fclose(f);
    return kib;
}

static double cpu(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int connected(int port) {
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(s, (void *)&a, sizeof a)) { perror("loader"); exit(1); }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return s;
}

static size_t write_frame(char *out, const char *topic, int size) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int n = sprintf(out + 8, "{\"code\":310,\"extFields\":{\"a\":\"GID_bench\",\"b\":\"%s\",\"c\":\"TBW102\","
        "\"d\":\"4\",\"e\":\"1\",\"f\":\"0\",\"g\":\"%ld%03ld\",\"h\":\"0\",\"i\":\"UNIQ_KEY\\u0001"
        "7F00000132EC2FF410B51F7C00000001\\u0002WAIT\\u0001true\\u0002TAGS\\u0001T\\u0002\",\"j\":\"0\","
        "\"k\":\"false\",\"m\":\"false\",\"n\":\"broker-a\"},\"flag\":0,\"language\":\"JAVA\","
        "\"opaque\":1234567,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":513}",
        topic, (long)t.tv_sec, t.tv_nsec / 1000000);
    *(uint32_t *)out = htonl(4 + n + size);
    *(uint32_t *)(out + 4) = htonl(n);
    memset(out + 8 + n, 'x', size);
    return 8 + n + size;
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    int s = connected(atoi(argv[1])), window = atoi(argv[2]), size = atoi(argv[3]);
    double seconds = atof(argv[4]), warm = atof(argv[5]), begin = now(), t0 = 0, c0 = 0;
    char *all = malloc((size_t)window * (2048 + size)), *in = malloc(ROOM);
    size_t length = write_frame(all, argv[6], size), held = 0;
    for (int i = 1; i < window; i++) memcpy(all + i * length, all, length);
    long total = 0, before = 0, failed = 0, credit = window;
    for (;;) {
        char *w = all;
        for (size_t left = length * credit; left;) {
            ssize_t k = write(s, w, left);
            if (k <= 0) return 1;
            w += k; left -= k;
        }
        ssize_t got = read(s, in + held, ROOM - held);
        if (got <= 0) return 1;
        size_t at = 0;
        held += got; credit = 0;
        while (held - at >= 4) {
            size_t n = ntohl(*(uint32_t *)(in + at));
            if (held - at < 4 + n) break;
            if (!memmem(in + at + 8, n - 4, "\"code\":0", 8)) failed++;
            at += 4 + n; credit++;
        }
        memmove(in, in + at, held - at);
        held -= at; total += credit;
        double t = now();
        if (!t0 && t - begin >= warm) { t0 = t; c0 = cpu(); before = total; }
        if (t0 && t - t0 >= seconds) {
            printf("RESULT {\"n\": %ld, \"total\": %ld, \"failed\": %ld, \"secs\": %.6f, \"cpu\": %.6f, "
                "\"rssKiB\": %ld}\n", total - before, total, failed, t - t0, cpu() - c0, peak());
            return 0;
        }
    }
}
