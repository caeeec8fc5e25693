import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { UnusedConnections } from '../src/unused-connections.ts'

function table(limit: number) {
  const clock = { now: 0 }
  const unused = new UnusedConnections(limit, () => clock.now)
  const add = (address: string) => {
    const socket = new Socket()
    return { socket, gone: unused.add(socket, address) }
  }
  return { unused, clock, add }
}

describe('connections that asked for nothing', () => {
  it('one address cannot keep another out: its oldest goes', () => {
    const { add, unused } = table(4)
    const held = Array.from({ length: 4 }, () => add('10.0.0.9').socket)
    assert.equal(add('10.0.0.1').gone, held[0])
    assert.equal(add('10.0.0.2').gone, held[1])
    assert.equal(unused.size, 4)
  })

  it('where all hold as many, who came first is left in peace until he has had his time', () => {
    const { add, clock } = table(3)
    const [first] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => add(address).socket)
    const fourth = add('10.0.0.4')
    assert.equal(fourth.gone, fourth.socket)
    clock.now = 3000
    assert.equal(add('10.0.0.5').gone, first)
  })

  it('gives places back', () => {
    const { add, unused } = table(1)
    const { socket } = add('10.0.0.1')
    unused.delete(socket)
    unused.delete(socket)
    assert.equal(unused.size, 0)
    assert.equal(add('10.0.0.1').gone, undefined)
  })
})
