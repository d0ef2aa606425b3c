// Command producer sends messages whose content follows from their index and
// prints, one JSON object per line, what the Go client said about each.
//
// It is the counterpart of Send.java and makes the same messages.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const inFlight = 64

type line struct {
	Index       int    `json:"index"`
	MsgID       string `json:"msgId,omitempty"`
	OffsetMsgID string `json:"offsetMsgId,omitempty"`
	SendStatus  string `json:"sendStatus,omitempty"`
	BrokerName  string `json:"brokerName,omitempty"`
	QueueID     int    `json:"queueId"`
	QueueOffset int64  `json:"queueOffset"`
	Error       string `json:"error,omitempty"`
}

type sender struct {
	client rocketmq.Producer
	topic  string
	prefix string
	count  int
	batch  int
	lock   sync.Mutex
	lines  *json.Encoder
}

func main() {
	nameServer := flag.String("name-server", "", "addresses, separated by semicolons")
	group := flag.String("group", "GoProducer", "producer group")
	mode := flag.String("mode", "sync", "sync, async, oneway or batch")
	s := &sender{lines: json.NewEncoder(os.Stdout)}
	flag.StringVar(&s.topic, "topic", "", "topic")
	flag.StringVar(&s.prefix, "prefix", "go", "first word of each body")
	flag.IntVar(&s.count, "count", 1, "how many messages")
	flag.IntVar(&s.batch, "batch", 10, "messages per batch")
	flag.Parse()
	if err := s.run(strings.Split(*nameServer, ";"), *group, *mode); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *sender) run(nameServers []string, group, mode string) (err error) {
	rlog.SetLogLevel("fatal")
	s.client, err = rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver(nameServers)),
		producer.WithGroupName(group),
		producer.WithRetry(2),
		producer.WithSendMsgTimeout(10*time.Second))
	if err != nil {
		return err
	}
	if err = s.client.Start(); err != nil {
		return err
	}
	switch mode {
	case "sync":
		s.sync()
	case "async":
		s.async()
	case "oneway":
		s.oneway()
	case "batch":
		s.batches()
	default:
		return fmt.Errorf("unknown mode %q", mode)
	}
	return s.client.Shutdown()
}

func (s *sender) message(index int) *primitive.Message {
	body := fmt.Sprintf("%s %d \U0001F680", s.prefix, index)
	message := primitive.NewMessage(s.topic, []byte(body))
	message.WithTag(fmt.Sprintf("tag%d", index%5))
	message.WithKeys([]string{fmt.Sprintf("key%d", index)})
	message.WithProperty("index", fmt.Sprint(index))
	return message
}

func (s *sender) sync() {
	for i := 0; i < s.count; i++ {
		result, err := s.client.SendSync(context.Background(), s.message(i))
		s.print(i, result, err)
	}
}

func (s *sender) async() {
	room := make(chan struct{}, inFlight)
	for i := 0; i < s.count; i++ {
		index := i
		room <- struct{}{}
		report := func(_ context.Context, result *primitive.SendResult, err error) {
			s.print(index, result, err)
			<-room
		}
		if err := s.client.SendAsync(context.Background(), report, s.message(i)); err != nil {
			report(nil, nil, err)
		}
	}
	for i := 0; i < inFlight; i++ {
		room <- struct{}{}
	}
}

// Nobody tells when the brokers have read what was sent, and a connection that
// is closed with unread answers takes the unread requests with it.
func (s *sender) oneway() {
	defer time.Sleep(time.Second)
	for i := 0; i < s.count; i++ {
		message := s.message(i)
		err := s.client.SendOneWay(context.Background(), message)
		s.print(i, &primitive.SendResult{
			MsgID: message.GetProperty(primitive.PropertyUniqueClientMessageIdKeyIndex)}, err)
	}
}

// A batch has one result; its ids are lists with commas.
func (s *sender) batches() {
	for first := 0; first < s.count; first += s.batch {
		var messages []*primitive.Message
		for i := first; i < min(first+s.batch, s.count); i++ {
			messages = append(messages, s.message(i))
		}
		result, err := s.client.SendSync(context.Background(), messages...)
		for i := range messages {
			one := &primitive.SendResult{}
			if err == nil {
				*one = *result
				one.MsgID = ""
				one.OffsetMsgID = strings.Split(result.OffsetMsgID, ",")[i]
				one.QueueOffset += int64(i)
			}
			s.print(first+i, one, err)
		}
	}
}

func (s *sender) print(index int, result *primitive.SendResult, err error) {
	l := line{Index: index}
	switch {
	case err != nil:
		l.Error = err.Error()
	default:
		l.MsgID, l.OffsetMsgID = result.MsgID, result.OffsetMsgID
		l.QueueOffset = result.QueueOffset
		if result.MessageQueue != nil {
			l.SendStatus = [...]string{"SEND_OK", "FLUSH_DISK_TIMEOUT",
				"FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE", "UNKNOWN"}[result.Status]
			l.BrokerName = result.MessageQueue.BrokerName
			l.QueueID = result.MessageQueue.QueueId
		}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	_ = s.lines.Encode(l)
}
