'use strict';

// What `enqueue.js` and `work.js` share. The packages lie in $PEERS_ENV, outside this folder.
const { createRequire } = require('node:module');
const requireInstalled = createRequire(`${process.env.PEERS_ENV}/package.json`);
const { Queue, Worker } = requireInstalled('bullmq');
const { Redis } = requireInstalled('ioredis');

const QUEUE = 'bench';
const connect = () => new Redis(process.env.PEERS_REDIS_URL, { maxRetriesPerRequest: null });
// CLOCK_MONOTONIC, as exact as a double is
const monotonicNs = () => Number(process.hrtime.bigint());
const payload = (id) => ({ id, t: monotonicNs(), pad: 'x'.repeat(64) });
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

module.exports = { Queue, Worker, QUEUE, connect, monotonicNs, payload, sleep };
