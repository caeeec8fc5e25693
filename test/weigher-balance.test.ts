import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { seededRandom } from '@shoal/core'
import { balanceOf } from '../bench/scheduling/balance.ts'

const WEIGHER = join(import.meta.dirname, '../infra/nova/shoal_weigher/shoal_weigher')
const PYTHON = '/usr/bin/python3'
const CLOUDS = 300
const MOST_HOSTS = 12
const HOST_GIB = 256
const MIB_A_GIB = 1024
/** Loads the one file: the package itself needs Nova. */
const FACTORS = `
import json, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from balance import Balance
def factors(cloud):
    states = [SimpleNamespace(**host) for host in cloud["hosts"]]
    balance = Balance(states, cloud["memory_mb"])
    return [balance.factor(state) for state in states]
print(json.dumps([factors(cloud) for cloud in json.load(sys.stdin)]))
`

test('the bench of placements balances hosts as the weigher in Nova does', () => {
  const random = seededRandom(7)
  const whole = (most: number) => Math.floor(random() * (most + 1))
  const clouds = Array.from({ length: CLOUDS }, () => ({
    nodes: Array.from({ length: 1 + whole(MOST_HOSTS - 1) }, () => {
      const vms = whole(8) * whole(1)
      return { vms, usedRamGiB: vms * (1 + whole(16)) }
    }),
    ramGiB: 2 ** whole(6),
  }))
  const asked = clouds.map(({ nodes, ramGiB }) => ({
    hosts: nodes.map(({ vms, usedRamGiB }) => ({
      total_usable_ram_mb: HOST_GIB * MIB_A_GIB,
      free_ram_mb: (HOST_GIB - usedRamGiB) * MIB_A_GIB,
      num_instances: vms,
    })),
    memory_mb: ramGiB * MIB_A_GIB,
  }))
  const options = { input: JSON.stringify(asked), encoding: 'utf8' } as const
  const factors = JSON.parse(execFileSync(PYTHON, ['-c', FACTORS, WEIGHER], options)) as number[][]
  for (const [index, { nodes, ramGiB }] of clouds.entries()) {
    const factor = balanceOf({ nodes }, [...nodes.keys()], { flavor: { ramGiB } })
    for (const [host, node] of nodes.entries()) {
      const difference = Math.abs(factor(node) - (factors[index]?.[host] ?? Number.NaN))
      assert.ok(difference < 1e-9, JSON.stringify({ nodes, ramGiB, host }))
    }
  }
})
