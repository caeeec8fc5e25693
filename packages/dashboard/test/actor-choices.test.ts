import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actorChoices, isChosenActor } from '../src/events/actor-choices.ts'

const by = (...actors: string[]) => actors.map((actor) => ({ actor }))

test('events can be chosen by the kinds of those who did something, and by the names of people and rules', () => {
  const choices = actorChoices(by('node:n1', 'token:ci', 'seed', 'node:n2', 'user:anna', 'token:ci', 'plan:p-1'), '')
  assert.deepEqual(
    choices.map(([value]) => value),
    ['token', 'user', 'node', 'plan', 'seed', 'token:ci', 'user:anna'],
  )
  assert.equal(actorChoices(by(...Array.from({ length: 500 }, (_, index) => `user:u${index}`)), '').length, 51)
})

test('what is chosen stays a choice when nobody did anything for a while', () => {
  assert.deepEqual(actorChoices([], 'node:n7'), [['node:n7', 'node:n7']])
})

test('a kind stands for all of it, a name for itself', () => {
  assert.ok(isChosenActor('token:ci', 'token') && isChosenActor('token:ci', 'token:ci') && isChosenActor('x:y', ''))
  assert.ok(
    !isChosenActor('token:ci', 'tok') && !isChosenActor('token:ci', 'token:c') && !isChosenActor('seed', 'node'),
  )
})
