/* A name server and a broker in one process: they acknowledge every send and
 * store nothing.
 *
 *   cc -O2 -pthread -o sink sink.c
 *   ./sink [--delay MILLISECONDS]      on free ports of 127.0.0.1, until killed
 *
 *   cc -O2 -pthread -DTLS -o sink-tls sink.c -lssl -lcrypto
 *   ./sink-tls CERTIFICATE.pem KEY.pem
 *
 * The first line of output is {"nameServer": PORT, "broker": PORT}.
 *
 * One thread a connection: one read(), all whole frames in it, one write().
 * With a delay, a second thread of each connection writes what the first has
 * answered when it is due; reading goes on meanwhile.  TLS is OpenSSL's, on the
 * same two calls.
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
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#define ROOM (8u << 20)
#define SPARE (1u << 20)
#define MOST_IDS 20000

static int broker_port;
static long delay;                               /* milliseconds */
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

/* The same in a binary header: names of two bytes' length, values of four. */
static long binary_field(const struct request *r, const char *key, long otherwise) {
    const char *end = r->header + r->length, *p = r->header + 17;
    if (end - p < 4 || be32(r->header + 13) > (size_t)(end - p - 4)) return otherwise;
    p += be32(r->header + 13) + 4;
    while (end - p >= 2) {
        size_t name = be16(p), at = 2 + name + 4;
        if (at > (size_t)(end - p)) break;
        size_t value = be32(p + 2 + name);
        if (value > (size_t)(end - p) - at) break;
        if (name == strlen(key) && !memcmp(p + 2, key, name)) {
            char digits[12] = "";
            memcpy(digits, p + at, value < 11 ? value : 11);
            return atol(digits);
        }
        p += at + value;
    }
    return otherwise;
}

static long queue_of(const struct request *r) {
    if (r->binary) return binary_field(r, r->code == 10 ? "queueId" : "e", 0);
    return field(r, r->code == 10 ? "\"queueId\":" : "\"e\":", 0);
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
        r->queue = queue_of(r);
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

/* An answer that waits for its time. */
struct parcel {
    struct parcel *next;
    struct timespec due;
    size_t size;
    char bytes[];
};

struct connection {
    int fd, ended;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct parcel *first, **last;
#ifdef TLS
    SSL *tls;
#endif
};

#ifdef TLS
static SSL_CTX *context;

static int opened(struct connection *c) {
    c->tls = SSL_new(context);
    SSL_set_fd(c->tls, c->fd);
    return SSL_accept(c->tls) == 1;
}
static void closed(struct connection *c) { SSL_free(c->tls); close(c->fd); }
static ssize_t get(struct connection *c, char *p, size_t n) { return SSL_read(c->tls, p, n); }
static ssize_t put(struct connection *c, const char *p, size_t n) { return SSL_write(c->tls, p, n); }
#else
static int opened(struct connection *c) { return c->fd >= 0; }
static void closed(struct connection *c) { close(c->fd); }
static ssize_t get(struct connection *c, char *p, size_t n) { return read(c->fd, p, n); }
static ssize_t put(struct connection *c, const char *p, size_t n) { return write(c->fd, p, n); }
#endif

static int push(struct connection *c, const char *p, size_t n) {
    while (n) {
        ssize_t k = put(c, p, n);
        if (k <= 0) return -1;
        p += k; n -= k;
    }
    return 0;
}

/* Answer now, or after the delay. */
static int deliver(struct connection *c, const char *p, size_t n) {
    if (!delay) return push(c, p, n);
    struct parcel *it = malloc(sizeof *it + n);
    it->next = 0;
    it->size = n;
    memcpy(it->bytes, p, n);
    clock_gettime(CLOCK_MONOTONIC, &it->due);
    long nanos = it->due.tv_nsec + delay % 1000 * 1000000;
    it->due.tv_sec += delay / 1000 + nanos / 1000000000;
    it->due.tv_nsec = nanos % 1000000000;
    pthread_mutex_lock(&c->lock);
    *c->last = it;
    c->last = &it->next;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static struct parcel *next_parcel(struct connection *c) {
    pthread_mutex_lock(&c->lock);
    while (!c->first && !c->ended) pthread_cond_wait(&c->changed, &c->lock);
    struct parcel *it = c->first;
    if (it && !(c->first = it->next)) c->last = &c->first;
    pthread_mutex_unlock(&c->lock);
    return it;
}

static void *deliver_late(void *arg) {
    struct connection *c = arg;
    for (struct parcel *it; (it = next_parcel(c)); free(it)) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &it->due, 0);
        push(c, it->bytes, it->size);            /* who is gone gets nothing */
    }
    return 0;
}

/* Everything that one connection asks, until it is closed. */
static void answer_all(struct connection *c) {
    size_t held = 0;
    char *in = malloc(ROOM), *out = malloc(ROOM);
    for (;;) {
        ssize_t got = get(c, in + held, ROOM - held);
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
                if (deliver(c, out, filled)) goto done;
                filled = 0;
            }
        }
        if (sends) { atomic_fetch_add(&bytes, got); atomic_fetch_add(&reads, 1); }
        if (filled && deliver(c, out, filled)) break;
        memmove(in, in + at, held - at);
        held -= at;
    }
done:
    free(in); free(out);
}

static void *serve(void *arg) {
    struct connection c = {.fd = (int)(intptr_t)arg, .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER};
    pthread_t late;
    int one = 1;
    c.last = &c.first;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (delay) pthread_create(&late, 0, deliver_late, &c);
    if (opened(&c)) answer_all(&c);
    pthread_mutex_lock(&c.lock);
    c.ended = 1;
    pthread_cond_signal(&c.changed);
    pthread_mutex_unlock(&c.lock);
    if (delay) pthread_join(late, 0);
    closed(&c);
    return 0;
}

static int listening(int *chosen) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
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

/* Reads the command line. */
static int prepared(int argc, char **argv) {
#ifdef TLS
    context = SSL_CTX_new(TLS_server_method());
    if (argc == 3 && SSL_CTX_use_certificate_chain_file(context, argv[1]) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) == 1) return 1;
    ERR_print_errors_fp(stderr);
    return 0;
#else
    if (argc == 3 && !strcmp(argv[1], "--delay")) return (delay = atol(argv[2])) > 0;
    return argc == 1;
#endif
}

int main(int argc, char **argv) {
    int name_server_port;
    pthread_t t;
    if (!prepared(argc, argv)) {
        fprintf(stderr, "sink: wrong usage\n");
        return 2;
    }
    int n = listening(&name_server_port), b = listening(&broker_port);
    signal(SIGPIPE, SIG_IGN);
    printf("{\"nameServer\": %d, \"broker\": %d}\n", name_server_port, broker_port);
    fflush(stdout);
    pthread_create(&t, 0, accept_all, (void *)(intptr_t)n);
    accept_all((void *)(intptr_t)b);
}
