import { rm } from 'node:fs/promises'
import type { ComposeJob, LayerMaker, MiddleJob } from './layer-maker.ts'
import { type CommandCost, measureCommand } from './measure-command.ts'

/**
 * What an operator can do with QEMU's tools: an empty image over the flat one, rebased onto the base in safe mode, which compares both and
 * keeps the clusters that differ.
 */
export const qemuRebase: LayerMaker = { name: 'qemu-rebase', makeMiddle: rebase, compose }

/** The same, then compressed; CPU and time of both steps. */
export const qemuRebaseZstd: LayerMaker = {
  name: 'qemu-rebase-zstd',
  compose,
  async makeMiddle(job) {
    const plain = `${job.middle}.plain`
    try {
      const first = await rebase({ ...job, middle: plain })
      return sum(first, await zstd(plain, job.middle, job.base))
    } finally {
      await rm(plain, { force: true })
    }
  },
}

/** Compresses an image as `qemu-img` does it; over `base` only what the image itself has. */
export function zstd(image: string, output: string, base?: string): Promise<CommandCost> {
  const below = base === undefined ? [] : ['-B', base, '-F', 'qcow2']
  const options = ['-c', '-o', 'compression_type=zstd', ...below]
  return measureCommand(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', ...options, image, output])
}

async function rebase({ base, flat, middle }: MiddleJob): Promise<CommandCost> {
  const create = await measureCommand(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', flat, '-F', 'qcow2', middle])
  return sum(create, await measureCommand(['qemu-img', 'rebase', '-f', 'qcow2', '-b', base, '-F', 'qcow2', middle]))
}

function compose({ middle, output, format }: ComposeJob): Promise<CommandCost> {
  return measureCommand(['qemu-img', 'convert', '-f', 'qcow2', '-O', format, middle, output])
}

function sum(one: CommandCost, other: CommandCost): CommandCost {
  return {
    wallSeconds: one.wallSeconds + other.wallSeconds,
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    peakRssMiB: Math.max(one.peakRssMiB, other.peakRssMiB),
  }
}
