import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { PageCacheGuess } from '../src/page-cache-guess.ts'

/** Reads that are left to others before the next one is tried. */
function pauseOf(guess: PageCacheGuess): number {
  let pause = 0
  while (!guess.next()) pause += 1
  return pause
}

test('as long as reads are fast they are tried', () => {
  const guess = new PageCacheGuess()
  for (let read = 0; read < 1000; read += 1) {
    equal(guess.next(), true)
    guess.took(0.01)
  }
})

test('a slow read is followed by a pause, which grows with each up to a bound, and shrinks after a good run', () => {
  const guess = new PageCacheGuess()
  const pauses = []
  for (let read = 0; read < 8; read += 1) {
    guess.took(5)
    pauses.push(pauseOf(guess))
  }
  equal(pauses.join(), '32,64,128,256,512,1024,1024,1024')
  for (let read = 0; read < 256; read += 1) guess.took(0.01)
  guess.took(5)
  equal(pauseOf(guess), 32)
})
