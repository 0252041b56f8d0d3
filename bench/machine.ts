import { closeSync, fstatSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { Micro, MicroCase } from './micro.ts'

/** What this machine takes for what a transfer is made of, so that figures of another one can be related to it. */

const MIB = 1024 * 1024
const PAGE = 4096
const REGION = 64 * MIB
/** More than fits into the caches of a processor. */
const LARGE = 32 * MIB
const LOOPS = 1000

function touch(bytes: Uint8Array): number {
  for (let offset = 0; offset < bytes.byteLength; offset += PAGE) bytes[offset] = 1
  return bytes.byteLength / PAGE
}

/** Memory that the process never had: so large a block comes from the system, and goes back to it at once. */
function fresh(): Micro {
  return {
    check() {},
    step() {
      const region = Buffer.allocUnsafeSlow(REGION)
      const pages = touch(region)
      region.buffer.transfer(0)
      return pages
    }
  }
}

function recycled(): Micro {
  const region = Buffer.alloc(REGION, 1)
  return { check() {}, step: () => touch(region) }
}

function systemCall(): Micro {
  const descriptor = openSync('/dev/null', 'r')
  return {
    check() {
      if (!fstatSync(descriptor).isCharacterDevice()) throw new Error('not a device')
    },
    step() {
      for (let count = 0; count < LOOPS; count++) fstatSync(descriptor)
      return LOOPS
    },
    close: async () => closeSync(descriptor)
  }
}

/** Answers every odd number with the next even one, until it is negative. */
const ANSWERER = `
  const { workerData } = require('node:worker_threads')
  const turn = new Int32Array(workerData)
  for (let seen = 0; ; ) {
    Atomics.wait(turn, 0, seen)
    const now = Atomics.load(turn, 0)
    if (now < 0) break
    if (now === seen) continue
    seen = now + 1
    Atomics.store(turn, 0, seen)
    Atomics.notify(turn, 0)
  }`

function pingPong(): Micro {
  const turn = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(ANSWERER, { eval: true, workerData: turn.buffer })
  let round = 0
  const trip = (): void => {
    const mine = ++round
    Atomics.store(turn, 0, mine)
    Atomics.notify(turn, 0)
    while (Atomics.load(turn, 0) === mine) Atomics.wait(turn, 0, mine)
    round = Atomics.load(turn, 0)
  }
  return {
    check() {
      trip()
      if (round !== 2) throw new Error('the worker did not answer')
    },
    step() {
      for (let count = 0; count < LOOPS; count++) trip()
      return LOOPS
    },
    async close() {
      Atomics.store(turn, 0, -1)
      Atomics.notify(turn, 0)
      await worker.terminate()
    }
  }
}

function copying(size: number): Micro {
  const [from, to] = [Buffer.alloc(size, 1), Buffer.alloc(size)]
  return {
    check() {
      to.set(from)
      if (!to.equals(from)) throw new Error('a copy differs')
    },
    step() {
      for (let done = 0; done < REGION; done += size) to.set(from)
      return REGION
    }
  }
}

const copies = { group: 'copying', unit: 'MB/s' } as const
const operations = { group: 'one operation' } as const

export const machine: MicroCase = {
  name: 'machine',
  title: 'What this machine takes',
  unit: 'µs',
  rows: [
    { ...operations, name: 'page of 4 KiB, first touch', prepare: fresh },
    { ...operations, name: 'page of 4 KiB, touched before', prepare: recycled },
    { ...operations, name: 'system call, fs.fstatSync', prepare: systemCall },
    { ...operations, name: 'to another thread and back, Atomics', prepare: pingPong },
    { ...copies, name: 'memcpy, 1 MiB', prepare: () => copying(MIB) },
    { ...copies, name: 'memcpy, 32 MiB', prepare: () => copying(LARGE) }
  ]
}
