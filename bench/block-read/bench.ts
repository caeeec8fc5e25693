import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { atExit } from '../engines/at-exit.ts'
import { processUsage } from '../engines/process-usage.ts'
import { measureCommand } from '../layers/measure-command.ts'
import type { BenchFigures, BenchReport } from '../run.ts'
import { type BlockCase, nbdkit, qemuNbd, type ServedDisk, shoal } from './block-engine.ts'
import { type BlockRow, blockFigures } from './block-figures.ts'
import { type BlockPattern, blockPatterns } from './block-pattern.ts'
import { coldFigures } from './cold-figures.ts'
import { measureCold } from './measure-cold.ts'

const MIB = 1024 ** 2
const ROUNDS = 5
/** After so long no further round begins. */
const QUICK_SECONDS = 15
/** One in so many reads is made before, and not counted. */
const WARM_UP_SHARE = 8

interface Place {
  readonly disk: string
  readonly engine: string
  readonly served: ServedDisk
}

interface RunOptions {
  readonly quick: boolean
  readonly say: (line: string) => void
}

/** See README.md beside this file. */
export async function run({ quick, say }: RunOptions): Promise<BenchReport> {
  const warm = await measureWarm({ quick, say })
  const cold = await measureCold({ quick, say }).catch((error: unknown) => ({ reason: errorMessage(error) }))
  const figures = { ...warm.figures, ...coldFigures(cold) }
  const versions = { 'qemu-img': await version('qemu-img'), nbdkit: await version('nbdkit') }
  return { figures, rows: [...warm.rows, ...('reason' in cold ? [] : cold.rows)], versions }
}

async function measureWarm({ quick, say }: RunOptions): Promise<{ figures: BenchFigures; rows: BlockRow[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-block-read-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  try {
    await using stack = new AsyncDisposableStack()
    const virtualBytes = (quick ? 256 : 1024) * MIB
    const places = await serveAll(directory, virtualBytes, stack)
    const patterns = blockPatterns(virtualBytes, { quick })
    const rows: BlockRow[] = []
    // Code is compiled and memory is there before anything counts, for all of them.
    for (const place of places) {
      for (const pattern of patterns) await measure(place, { ...pattern, count: pattern.count / WARM_UP_SHARE }, -1)
    }
    const begin = performance.now()
    for (let round = 0; round < ROUNDS; round += 1) {
      if (quick && round > 0 && (performance.now() - begin) / 1000 > QUICK_SECONDS) break
      for (const pattern of patterns) {
        // Who begins changes from round to round.
        for (const index of places.keys()) {
          const place = places[(index + round) % places.length]
          if (place === undefined) continue
          const row = await measure(place, pattern, round)
          rows.push(row)
          say(`${row.disk} ${pattern.name}: ${row.engine} ${row.iops} reads/s, ${row.mibPerSecond} MiB/s`)
        }
      }
    }
    return { figures: blockFigures(rows, patterns), rows }
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
}

/** The same bytes as a raw and as a qcow2 file, each by each server. */
async function serveAll(directory: string, virtualBytes: number, stack: AsyncDisposableStack): Promise<Place[]> {
  const raw = join(directory, 'disk.raw')
  const qcow2 = join(directory, 'disk.qcow2')
  await writeRandomRaw(raw, virtualBytes)
  await measureCommand(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2])
  const cases: BlockCase[] = [
    { format: 'raw', path: raw, virtualBytes },
    { format: 'qcow2', path: qcow2, virtualBytes },
  ]
  const places: Place[] = []
  for (const disk of cases) {
    const place = join(directory, disk.format)
    await mkdir(place)
    for (const engine of [shoal, qemuNbd, nbdkit]) {
      const served = await engine.serve(disk, place)
      if (served !== undefined) places.push({ disk: disk.format, engine: engine.name, served: stack.use(served) })
    }
  }
  return places
}

/** One client for all: `qemu-img bench`, in a process of its own. */
async function measure({ disk, engine, served }: Place, pattern: BlockPattern, round: number): Promise<BlockRow> {
  const { count, depth, requestBytes, strideBytes } = pattern
  const source = `driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=${served.socket},file.export=${served.export}`
  const reads = ['-c', `${count}`, '-d', `${depth}`, '-s', `${requestBytes}`, '-S', `${strideBytes}`]
  const before = processUsage([served.pid]).cpuSeconds
  const { stdout } = await measureCommand(['qemu-img', 'bench', ...reads, '--image-opts', source])
  const seconds = Number(/^Run completed in ([\d.]+) seconds/m.exec(stdout)?.[1])
  if (!(seconds > 0)) throw new Error(`qemu-img bench said: ${stdout}`)
  const { cpuSeconds, peakRssMiB } = processUsage([served.pid])
  return {
    ...{ disk, pattern: pattern.name, engine, round },
    iops: Math.round(count / seconds),
    mibPerSecond: Math.round((count * requestBytes) / MIB / seconds),
    serverCpuSeconds: Math.round((cpuSeconds - before) * 100) / 100,
    serverPeakRssMiB: peakRssMiB,
  }
}

async function version(command: string): Promise<string> {
  const { stdout } = await measureCommand([command, '--version'])
  return stdout.split('\n')[0] ?? 'unknown'
}
