// ali-ons, the JavaScript client that speaks the remoting protocol, with the
// settings it has by default.
//
//   node producer.js NAME_SERVER MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC
//
// MODE is async: WINDOW sends outstanding. RATE other than 0 is a paced load, of
// which the latencies are told. BATCH says nothing here: it has no batches.
'use strict';
const fs = require('fs');
const httpclient = require('urllib');
const { Producer, Message } = require('ali-ons');

const [nameServer, , window, , size, seconds, warm, rate, topic] = process.argv.slice(2);
const DRAIN = 10000;
const logger = { info() {}, warn() {}, debug() {}, error() {} };
const body = 'x'.repeat(+size);
const latencies = [];
let acked = 0, failed = 0, outstanding = 0, error = null, sending = true, recording = false;

const sleep = ms => new Promise(done => setTimeout(done, ms));
const now = () => Number(process.hrtime.bigint());
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };
const peak = () => +/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];

async function main() {
  const producer = new Producer({ httpclient, nameSrv: [nameServer], producerGroup: 'GID_bench', logger });
  producer.on('error', e => { error = e.message; });
  await producer.ready();

  const send = async () => {
    outstanding++;
    try {
      await producer.send(new Message(topic, 'T', body));
      acked++;
    } catch (e) {
      failed++;
      error = e.message;
    }
    outstanding--;
  };
  const sendTimed = async () => {
    const start = now();
    await send();
    if (recording) latencies.push((now() - start) / 1000);
  };

  for (let i = 0; i < 20 && !acked; i++) {
    await send();
    if (!acked) await sleep(500);
  }
  if (!acked) throw new Error(error);
  let timer;
  if (+rate) {
    const gap = 1e9 / +rate;
    let next = now();
    timer = setInterval(() => {
      for (const t = now(); next <= t; next += gap) sendTimed();
    }, 1);
  } else {
    for (let i = 0; i < +window; i++) (async () => { while (sending) await send(); })();
  }
  await sleep(+warm * 1000);
  recording = true;
  const n = acked, f = failed, c = cpu(), t = now();
  await sleep(+seconds * 1000);
  const result = { n: acked - n, failed: failed - f, secs: (now() - t) / 1e9, cpu: cpu() - c };
  recording = sending = false;
  clearInterval(timer);
  for (let waited = 0; outstanding && waited < DRAIN; waited += 10) await sleep(10);
  if (latencies.length) {
    latencies.sort((a, b) => a - b);
    result.p50 = Math.round(latencies[latencies.length >> 1]);
    result.p99 = Math.round(latencies[Math.floor(latencies.length * 0.99)]);
  }
  Object.assign(result, { total: acked, rssKiB: peak() });
  if (error) result.error = error;
  console.log('RESULT ' + JSON.stringify(result));
  process.exit(0);
}

main().catch(e => { console.error(String(e)); process.exit(1); });
