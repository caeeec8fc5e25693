import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import { ensureGuests } from '../../infra/guests/ensure-guests.ts'
import { rawBeside } from '../../infra/guests/raw-beside.ts'
import { buildSmallGuests } from '../../infra/guests/small-guests.ts'
import { atExit } from '../engines/at-exit.ts'
import { measureCommand } from '../layers/measure-command.ts'
import type { BenchReport } from '../run.ts'
import { fileSha256 } from '../transfer/file-sha256.ts'
import { dataWindow } from './data-window.ts'
import { qemuConvert, qemuImg, qemuNbd } from './qemu-engines.ts'
import { type ReadCase, readCases } from './read-case.ts'
import type { OpenImages, ReadCost } from './read-engine.ts'
import { type ReadRow, readFigures } from './read-figures.ts'
import { type ReadPattern, readPatterns } from './read-pattern.ts'
import { shoal } from './shoal-engine.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const ROUNDS = 5
/** QEMU tells time by the millisecond, in which it reads ten megabytes that are not compressed. */
const PLAIN_PASSES = 4
const QUICK = { middles: 1, baseMiB: 96, middleMiB: 32 }
/** After so long no further round begins. */
const QUICK_SECONDS = 30

interface Opened {
  readonly image: ReadCase
  readonly engines: readonly { readonly name: string; readonly open: OpenImages }[]
}

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const begin = performance.now()
  const rows: ReadRow[] = []
  const directory = await mkdtemp(join(tmpdir(), 'shoal-qcow2-read-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  try {
    await using stack = new AsyncDisposableStack()
    const guests = quick ? await buildSmallGuests(directory, QUICK) : await ensureGuests({ middles: 3, say })
    const flat = guests.middles[0]?.flat ?? guests.base
    const cases = await readCases(guests, directory)
    const raw = await rawBeside(flat)
    const opened = await openAll(cases, await fileSha256(raw), stack)
    const window = await dataWindow(flat)
    const share = Math.round((window.dataBytes / window.length) * 100)
    say(`the window: ${window.length / MIB} MiB from ${window.offset / MIB} MiB on, ${share} % data`)
    const diskBytes = await virtualBytes(flat)
    for (let round = 0; round < ROUNDS; round += 1) {
      if (quick && round > 0 && (performance.now() - begin) / 1000 > QUICK_SECONDS) break
      for (const each of opened) {
        const passes = each.image.isCompressed ? 1 : PLAIN_PASSES
        const patterns = readPatterns(diskBytes, { ...window, passes }).filter(({ name }) => !quick || name !== 'whole')
        rows.push(...(await measureRound(each, patterns, round, say)))
      }
    }
    const versions = {
      'qemu-img': (await measureCommand(['qemu-img', '--version'])).stdout.split('\n')[0] ?? 'unknown',
    }
    return { figures: { ...readFigures(rows), rounds: countRounds(rows) }, rows, versions }
  } catch (error) {
    return { figures: { ...readFigures(rows), reason: errorMessage(error).slice(0, 300) }, rows }
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
}

/** Opens each image with each engine; ours must show the disk as it is, and has then run its code. */
async function openAll(cases: readonly ReadCase[], sha256: string, stack: AsyncDisposableStack): Promise<Opened[]> {
  const opened: Opened[] = []
  for (const image of cases) {
    const ours = stack.use(await shoal.open(image))
    const digest = await ours.digest()
    if (digest !== sha256) throw new Error(`our reader shows another disk than qemu-img for ${image.name}`)
    const others = []
    for (const engine of [qemuNbd, qemuImg, qemuConvert]) {
      others.push({ name: engine.name, open: stack.use(await engine.open(image)) })
    }
    opened.push({ image, engines: [{ name: shoal.name, open: ours }, ...others] })
  }
  return opened
}

/** Each pattern by each engine, one after the other; who begins changes from round to round. */
async function measureRound(
  { image, engines }: Opened,
  patterns: readonly ReadPattern[],
  round: number,
  say: (line: string) => void,
): Promise<ReadRow[]> {
  const rows: ReadRow[] = []
  for (const pattern of patterns) {
    for (const index of engines.keys()) {
      const engine = engines[(index + round) % engines.length]
      if (engine === undefined) continue
      const place = { image: image.name, pattern: pattern.name, engine: engine.name, round }
      try {
        const cost = await engine.open.read(pattern)
        if (cost !== undefined) rows.push(toRun(place, pattern.passes * pattern.length, cost))
      } catch (error) {
        rows.push({ ...place, reason: errorMessage(error).slice(0, 500) })
      }
    }
    say(
      `${image.name}, ${pattern.name}: ${rows
        .filter((row) => row.pattern === pattern.name)
        .map(describe)
        .join(', ')}`,
    )
  }
  return rows
}

function toRun(
  place: { image: string; pattern: string; engine: string; round: number },
  bytes: number,
  cost: ReadCost,
): ReadRow {
  const { wallSeconds, cpuSeconds, clientCpuSeconds, peakRssMiB } = cost
  const perGiB = (seconds: number) => Math.round((seconds / (bytes / GIB)) * 1000) / 1000
  return {
    ...place,
    mibPerSecond: Math.round(bytes / MIB / wallSeconds),
    cpuPerGiB: perGiB(cpuSeconds),
    ...(clientCpuSeconds === undefined ? {} : { clientCpuPerGiB: perGiB(clientCpuSeconds) }),
    peakRssMiB,
  }
}

function describe(row: ReadRow): string {
  return 'reason' in row ? `${row.engine} failed: ${row.reason}` : `${row.engine} ${row.mibPerSecond} MiB/s`
}

function countRounds(rows: readonly ReadRow[]): number {
  return new Set(rows.map(({ round }) => round)).size
}

async function virtualBytes(image: string): Promise<number> {
  const { stdout } = await measureCommand(['qemu-img', 'info', '--output=json', '-f', 'qcow2', image])
  return (JSON.parse(stdout) as { 'virtual-size': number })['virtual-size']
}
