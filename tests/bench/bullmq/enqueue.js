'use strict';

// enqueue MODE N [RATE]
const { Queue, QUEUE, connect, payload, sleep } = require('./common.js');

const BATCH = 1000;
const IN_FLIGHT = 64;
// As every system here, it keeps no completed jobs in Redis.
const options = { removeOnComplete: true, removeOnFail: true };

const [mode, ...numbers] = process.argv.slice(2);
const [n, rate] = numbers.map(Number);

async function main() {
  const queue = new Queue(QUEUE, { connection: connect() });
  await queue.waitUntilReady();
  const add = (id) => queue.add('measure', payload(id), options);
  const modes = {
    one: async () => {
      for (let id = 0; id < n; id++) await add(id);
    },
    'in-flight': async () => {
      let next = 0;
      const lane = async () => {
        while (next < n) await add(next++);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    },
    bulk: async () => {
      for (let from = 0; from < n; from += BATCH) {
        const ids = Array.from({ length: Math.min(BATCH, n - from) }, (_, i) => from + i);
        await queue.addBulk(ids.map((id) => ({ name: 'measure', data: payload(id), opts: options })));
      }
    },
    paced: async () => {
      for (let id = 0; id < n; id++) {
        const wait = begun + (id * 1000) / rate - performance.now();
        if (wait > 0) await sleep(wait);
        await add(id);
      }
    },
  };
  const begun = performance.now();
  await modes[mode]();
  console.log(JSON.stringify({ n, seconds: (performance.now() - begun) / 1000 }));
  process.exit(0);
}

main();
