#!/usr/bin/env node
'use strict'

const fs = require('fs')
const { join } = require('path')

/** How many jobs run at once. */
const CONCURRENCY = 4

let running = 0

/**
 * A queue of jobs.
 */
class Queue extends Base {
  static instances = new Set()
  #pending = []

  constructor (options) {
    super(options)
    this.limit = options.limit ?? CONCURRENCY
  }

  // Adds one job to the end.
  push (job) {
    this.#pending.push(job)
    return this
  }

  get size () { return this.#pending.length }

  onError = (error) => {
    console.error(error)
  }

  async * drain () {
    while (this.#pending.length) yield this.#pending.shift()
  }
}

// Reads jobs from a file.
const readJobs = async (path) => {
  const text = await fs.promises.readFile(path, 'utf8')
  return text.split('\n')
}

const toJob = function (line) {
  return { line }
}

function * numbers () {
  function step () { return running++ }
  yield step()
}

Queue.prototype.clear = function () {
  this.length = 0
}

exports.parse = function parse (text) {
  return JSON.parse(text)
}

module.exports.format = (job) => String(job)

module.exports = {
  Queue,
  limit: 3,
  run (job) {
    return job()
  },
  stop: () => {
    running = 0
  },
}

export default class Worker {
  start () {}
}

export const VERSION = '1.0'

export function main (argv) {
  return argv.map(toJob)
}

;(function () {
  function hidden () {
    return 1
  }
  window.hidden = hidden
})()

describe('queue', () => {
  it('keeps order', () => {
    expect(new Queue().size).toBe(0)
  })
})
