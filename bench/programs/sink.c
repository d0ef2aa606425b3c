/* A name server and a broker in one process: they acknowledge every send at
 * once and store nothing.
 *
 *   cc -O2 -pthread -o sink sink.c
 *   ./sink [PORT [PORT]]       on 127.0.0.1, until killed; 0 is any free port
 *
 * The first line of output is {"nameServer": PORT, "broker": PORT}.
 *
 * One thread a connection: one read(), all whole frames in it, one write().
 * Requests have JSON or binary headers; answers are JSON, as of a stock broker.
 * A single send is answered as a broker of 4.9 answers it: with the queue it
 * named and with an id and an offset that no other answer has, so that a client
 * gains nothing by remembering answers.  A route has integer keys in quotes for
 * who is of version 401 or later or says acceptStandardJsonOnly.
 *
 * Request code 999 is answered with {"frames", "messages", "bytes", "reads"},
 * counted over the sends: the runner holds every client's own count against it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (8u << 20)
#define SPARE (1u << 20)
#define MOST_IDS 20000

static int broker_port;
static atomic_long frames, messages, bytes, reads, offset;

static uint32_t be32(const char *p) { uint32_t v; memcpy(&v, p, 4); return ntohl(v); }
static uint16_t be16(const char *p) { uint16_t v; memcpy(&v, p, 2); return ntohs(v); }
static void put32(char *p, uint32_t v) { v = htonl(v); memcpy(p, &v, 4); }

struct request {
    uint32_t opaque;
    long code, flag, version, queue, count;      /* count: messages of a send, else 0 */
    int strict, binary;
    const char *header, *body, *end;
    size_t length;
};

static int has(const struct request *r, const char *text) {
    return memmem(r->header, r->length, text, strlen(text)) != 0;
}

static long field(const struct request *r, const char *key, long otherwise) {
    const char *p = memmem(r->header, r->length, key, strlen(key));
    if (!p) return otherwise;
    p += strlen(key);
    while (*p == ' ' || *p == '"') p++;
    return atol(p);
}

static int is_send(long code) { return code == 10 || code == 310 || code == 320; }

static int is_batch(const struct request *r) {
    if (r->code == 320) return 1;
    if (r->code == 310) return !r->binary && has(r, "\"m\":\"true\"");
    return has(r, "\"batch\":\"true\"") || has(r, "\"batch\":\"1\"");
}

/* The records of a batch, hopped over by their sizes. */
static long records(const struct request *r) {
    long count = 0;
    for (const char *p = r->body; r->end - p >= 22; count++) {
        uint32_t size = be32(p);
        if (size < 22 || size > (size_t)(r->end - p)) break;
        p += size;
    }
    return count ? count : 1;
}

static void parse(struct request *r, const char *frame, size_t total) {
    uint32_t word = be32(frame + 4);
    memset(r, 0, sizeof *r);
    r->header = frame + 8;
    r->length = word & 0xffffff;
    r->body = r->header + r->length;
    r->end = frame + 4 + total;
    r->binary = word >> 24;
    if (r->binary) {
        const char *h = r->header;
        r->code = (int16_t)be16(h);
        r->version = (int16_t)be16(h + 3);
        r->opaque = be32(h + 5);
        r->flag = be32(h + 9);
    } else {
        r->code = field(r, "\"code\":", -1);
        r->opaque = (uint32_t)field(r, "\"opaque\":", 0);
        r->flag = has(r, "\"flag\":2") || has(r, "\"flag\": 2") ? 2 : 0;
    }
    if (is_send(r->code)) {
        r->queue = r->binary ? 0 : field(r, r->code == 10 ? "\"queueId\":" : "\"e\":", 0);
        r->count = is_batch(r) ? records(r) : 1;
    } else if (!r->binary) {
        r->version = field(r, "\"version\":", 0);
        r->strict = has(r, "\"acceptStandardJsonOnly\":\"true\"");
    }
}

static char *write_hex(char *p, uint64_t v) {
    for (int shift = 60; shift >= 0; shift -= 4) *p++ = "0123456789ABCDEF"[v >> shift & 15];
    return p;
}

static char *write_text(char *p, const char *text) { return stpcpy(p, text); }

/* Ids as a broker gives them, with commas between those of a batch. */
static char *write_ids(char *p, long first, long count) {
    for (long i = 0; i < count && i < MOST_IDS; i++) {
        if (i) *p++ = ',';
        p = write_text(p, "7F00000100002A9F");
        p = write_hex(p, (uint64_t)(first + i) * 256);
    }
    return p;
}

static size_t answer_body(char *p, const struct request *r) {
    if (r->code == 105)
        return sprintf(p, "{\"brokerDatas\":[{\"brokerAddrs\":{%s:\"127.0.0.1:%d\"},"
            "\"brokerName\":\"broker-a\",\"cluster\":\"DefaultCluster\"}],"
            "\"filterServerTable\":{},\"queueDatas\":[{\"brokerName\":\"broker-a\",\"perm\":6,"
            "\"readQueueNums\":4,\"topicSynFlag\":0,\"topicSysFlag\":0,\"writeQueueNums\":4}]}",
            r->strict || r->version >= 401 ? "\"0\"" : "0", broker_port);
    if (r->code == 999)
        return sprintf(p, "{\"frames\":%ld,\"messages\":%ld,\"bytes\":%ld,\"reads\":%ld}",
            (long)frames, (long)messages, (long)bytes, (long)reads);
    if (r->code == 38)
        return sprintf(p, "{\"consumerIdList\":[]}");
    return 0;
}

static size_t answer(char *out, const struct request *r) {
    char *p = write_text(out + 8, "{\"code\":0,\"extFields\":{");
    if (r->count) {
        long first = atomic_fetch_add(&offset, r->count);
        p += sprintf(p, "\"queueId\":\"%ld\",\"TRACE_ON\":\"true\",\"MSG_REGION\":"
            "\"DefaultRegion\",\"msgId\":\"", r->queue);
        p = write_ids(p, first, r->count);
        p += sprintf(p, "\",\"queueOffset\":\"%ld\"", first);
    }
    p += sprintf(p, "},\"flag\":1,\"language\":\"JAVA\",\"opaque\":%d,"
        "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":479}", (int)r->opaque);
    size_t header = p - out - 8, body = answer_body(p, r);
    put32(out, 4 + header + body);
    put32(out + 4, header);
    return 8 + header + body;
}

static int push(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k <= 0) return -1;
        p += k; n -= k;
    }
    return 0;
}

static void *serve(void *arg) {
    int fd = (int)(intptr_t)arg, one = 1;
    size_t held = 0;
    char *in = malloc(ROOM), *out = malloc(ROOM);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (;;) {
        ssize_t got = read(fd, in + held, ROOM - held);
        if (got <= 0) break;
        size_t at = 0, filled = 0;
        int sends = 0;
        held += got;
        while (held - at >= 8) {
            size_t total = be32(in + at);
            struct request r;
            if (held - at < 4 + total) break;
            parse(&r, in + at, total);
            at += 4 + total;
            if (r.count) {
                /* Counted before it is acknowledged: a count is never behind its client. */
                atomic_fetch_add(&frames, 1);
                atomic_fetch_add(&messages, r.count);
                sends = 1;
            }
            if (r.flag & 3) continue;
            filled += answer(out + filled, &r);
            if (filled > ROOM - SPARE) {
                if (push(fd, out, filled)) goto done;
                filled = 0;
            }
        }
        if (sends) { atomic_fetch_add(&bytes, got); atomic_fetch_add(&reads, 1); }
        if (filled && push(fd, out, filled)) break;
        memmove(in, in + at, held - at);
        held -= at;
    }
done:
    close(fd); free(in); free(out);
    return 0;
}

static int listening(const char *port, int *chosen) {
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 128) || getsockname(s, (void *)&a, &size)) {
        perror("sink");
        exit(1);
    }
    *chosen = ntohs(a.sin_port);
    return s;
}

static void *accept_all(void *arg) {
    for (;;) {
        int c = accept((int)(intptr_t)arg, 0, 0);
        pthread_t t;
        if (c < 0) continue;
        pthread_create(&t, 0, serve, (void *)(intptr_t)c);
        pthread_detach(t);
    }
    return 0;
}

int main(int argc, char **argv) {
    int name_server_port;
    int n = listening(argc > 1 ? argv[1] : "0", &name_server_port);
    int b = listening(argc > 2 ? argv[2] : "0", &broker_port);
    pthread_t t;
    signal(SIGPIPE, SIG_IGN);
    printf("{\"nameServer\": %d, \"broker\": %d}\n", name_server_port, broker_port);
    fflush(stdout);
    pthread_create(&t, 0, accept_all, (void *)(intptr_t)n);
    accept_all((void *)(intptr_t)b);
}
