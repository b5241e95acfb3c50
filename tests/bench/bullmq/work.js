'use strict';

// Runs one worker until it is killed, and tells of its progress as the contract asks.
const fs = require('node:fs');
const { Worker, QUEUE, connect, monotonicNs, sleep } = require('./common.js');

const { PEERS_OUT: out, PEERS_SCENARIO: scenario } = process.env;
const sleepMs = Number(process.env.PEERS_SLEEP_MS || 20);
const options = { connection: connect(), concurrency: Number(process.env.PEERS_CONCURRENCY || 100) };
if (process.env.PEERS_VARIANT === 'durable') {
  // 30 s each as shipped
  options.lockDuration = 5000;
  options.stalledInterval = 2500;
}

let done = 0;
let firstNs = 0;
let lastNs = 0;
let begun = [];
const ids = scenario === 'kill9' ? fs.openSync(`${out}/ids`, 'a') : undefined;

async function measure(job) {
  const now = monotonicNs();
  firstNs ||= now;
  if (scenario === 'latency') begun.push([job.data.id, job.data.t, now]);
  if (scenario === 'kill9') {
    await sleep(sleepMs);
    fs.writeSync(ids, `${job.data.id}\n`);
  }
}

const worker = new Worker(QUEUE, measure, options);
worker.on('completed', () => {
  done++;
  lastNs = monotonicNs();
});
worker.on('error', (error) => console.error(String(error)));

const file = fs.openSync(`${out}/done.${process.pid}`, 'w');
let told = 0;
setInterval(() => {
  if (done === told) return;
  told = done;
  const jobs = begun.splice(0);
  if (scenario === 'latency') fs.appendFileSync(`${out}/latency.${process.pid}`, jobs.map(([, t, now]) => `${now - t}\n`).join(''));
  fs.writeSync(file, `${`${done} ${firstNs} ${lastNs}`.padEnd(63)}\n`, 0);
}, 20);
