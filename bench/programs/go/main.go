// Apache's Go producer, over the remoting protocol, with the settings it has by
// default but for a send timeout as long as ours (10 s).
//
//	producer NAME_SERVER MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC
//
// MODE is sync (WINDOW goroutines), async (WINDOW outstanding) or batch (sync,
// WINDOW goroutines). RATE other than 0 is a paced load of sync or async sends,
// of which the latencies are told.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

func peak() int64 {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmHWM") {
			v, _ := strconv.ParseInt(strings.Fields(l)[1], 10, 64)
			return v
		}
	}
	return 0
}

func main() {
	a := os.Args[1:]
	num := func(i int) float64 { v, _ := strconv.ParseFloat(a[i], 64); return v }
	ns, mode, conc, batch, body := a[0], a[1], int(num(2)), int(num(3)), []byte(strings.Repeat("x", int(num(4))))
	secs, warm, rate, topic := num(5), num(6), num(7), a[8]
	rlog.SetLogLevel("fatal")
	p, err := rocketmq.NewProducer(producer.WithNsResolver(primitive.NewPassthroughResolver([]string{ns})),
		producer.WithGroupName("GID_bench"), producer.WithRetry(2), producer.WithSendMsgTimeout(10*time.Second))
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
	ctx := context.Background()
	msg := func() *primitive.Message { return primitive.NewMessage(topic, body).WithTag("T") }
	var acked, failed, open int64 // open: calls of send that have not ended
	var stop atomic.Bool
	for i := 0; i < 20; i++ {
		if _, err = p.SendSync(ctx, msg()); err == nil {
			atomic.AddInt64(&acked, 1)
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	var first atomic.Value
	fail := func(e error) { atomic.AddInt64(&failed, 1); first.CompareAndSwap(nil, e.Error()) }
	var record atomic.Bool
	var mu sync.Mutex
	lat := make([]int64, 0, 200000)
	note := func(s time.Time) {
		if record.Load() {
			d := time.Since(s).Microseconds()
			mu.Lock()
			lat = append(lat, d)
			mu.Unlock()
		}
	}
	switch {
	case rate > 0:
		go func() {
			gap := time.Duration(1e9 / rate)
			next := time.Now()
			for !stop.Load() {
				if d := time.Until(next); d > 0 {
					time.Sleep(d)
					continue
				}
				next = next.Add(gap)
				s := time.Now()
				atomic.AddInt64(&open, 1)
				if mode == "sync" {
					if _, e := p.SendSync(ctx, msg()); e != nil {
						fail(e)
					} else {
						atomic.AddInt64(&acked, 1)
						note(s)
					}
					atomic.AddInt64(&open, -1)
				} else if e := p.SendAsync(ctx, func(_ context.Context, _ *primitive.SendResult, e error) {
					defer atomic.AddInt64(&open, -1)
					if e != nil {
						fail(e)
						return
					}
					atomic.AddInt64(&acked, 1)
					note(s)
				}, msg()); e != nil {
					fail(e)
					atomic.AddInt64(&open, -1)
				}
			}
		}()
	case mode == "sync" || mode == "batch":
		for i := 0; i < conc; i++ {
			go func() {
				for !stop.Load() {
					atomic.AddInt64(&open, 1)
					var e error
					k := 1
					switch mode {
					case "sync":
						_, e = p.SendSync(ctx, msg())
					default:
						k = batch
						l := make([]*primitive.Message, batch)
						for j := range l {
							l[j] = msg()
						}
						_, e = p.SendSync(ctx, l...)
					}
					if e != nil {
						fail(e)
					} else {
						atomic.AddInt64(&acked, int64(k))
					}
					atomic.AddInt64(&open, -1)
				}
			}()
		}
	default:
		sem := make(chan struct{}, conc)
		cb := func(_ context.Context, _ *primitive.SendResult, e error) {
			if e != nil {
				fail(e)
			} else {
				atomic.AddInt64(&acked, 1)
			}
			atomic.AddInt64(&open, -1)
			<-sem
		}
		go func() {
			for !stop.Load() {
				sem <- struct{}{}
				atomic.AddInt64(&open, 1)
				if e := p.SendAsync(ctx, cb, msg()); e != nil {
					fail(e)
					atomic.AddInt64(&open, -1)
					<-sem
				}
			}
		}()
	}
	time.Sleep(time.Duration(warm * 1e9))
	record.Store(true)
	n0, f0, c0, t0 := atomic.LoadInt64(&acked), atomic.LoadInt64(&failed), cpu(), time.Now()
	time.Sleep(time.Duration(secs * 1e9))
	n1, f1, c1, el := atomic.LoadInt64(&acked), atomic.LoadInt64(&failed), cpu(), time.Since(t0).Seconds()
	stop.Store(true)
	// What is in flight ends: the sink's count must be ours.
	for i := 0; i < 1000 && (i < 2 || atomic.LoadInt64(&open) != 0); i++ {
		time.Sleep(10 * time.Millisecond)
	}
	total := atomic.LoadInt64(&acked)
	result := map[string]any{
		"n": n1 - n0, "total": total, "failed": f1 - f0, "secs": el, "cpu": c1 - c0, "rssKiB": peak(),
	}
	mu.Lock()
	if len(lat) > 0 {
		sort.Slice(lat, func(i, j int) bool { return lat[i] < lat[j] })
		result["p50"], result["p99"] = lat[len(lat)/2], lat[len(lat)*99/100]
	}
	if e := first.Load(); e != nil {
		result["error"] = e
	}
	text, _ := json.Marshal(result)
	fmt.Printf("RESULT %s\n", text)
	os.Exit(0)
}
