import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Qcow2Format } from '@shoal/qcow2'
import { ensureGuests } from '../../infra/guests/ensure-guests.ts'
import { atExit } from '../engines/at-exit.ts'
import type { BenchReport } from '../run.ts'
import { bootReads } from './boot-reads.ts'
import { type FormatRow, measureFormat } from './measure-format.ts'
import { sharedBlocks } from './shared-blocks.ts'

const MIDDLE = 'database'
const FORMATS: readonly Qcow2Format[] = [
  ...[12, 14, 16, 18].map((clusterBits) => ({ clusterBits, compression: 'none' as const, level: 0 })),
  ...[12, 14, 15, 16, 17, 18, 21].map((clusterBits) => ({ clusterBits, compression: 'zstd' as const, level: 3 })),
  ...[6, 9].map((level) => ({ clusterBits: 16, compression: 'zstd' as const, level })),
  { clusterBits: 16, compression: 'zlib', level: 6 },
]
const QUICK_FORMATS = FORMATS.filter(({ clusterBits, level }) => clusterBits === 16 && level < 5)

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const guests = await ensureGuests({ middles: 3, say })
  const middle = guests.middles.find(({ name }) => name === MIDDLE)
  if (middle === undefined) throw new TypeError(`no guest ${MIDDLE}`)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-layer-format-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  try {
    const profile = await bootReads(guests.base, { say })
    const rows: FormatRow[] = []
    for (const format of quick ? QUICK_FORMATS : FORMATS) {
      const row = await measureFormat(format, { base: guests.base, flat: middle.flat, profile, directory })
      say(JSON.stringify(row))
      rows.push(row)
    }
    const chosen = rows.find(({ format }) => format === 'zstd:3, 64 KiB')
    const flats = guests.middles.map(({ flat }) => flat)
    const shared = await sharedBlocks({ base: guests.base, flats, directory })
    const figures = {
      middleMiB: chosen?.middleMiB ?? null,
      bootMiBIn4MiBPieces: chosen?.bootOrderMiB4096 ?? null,
      bootMiBIn4MiBPiecesAsItWas: chosen?.guestOrderMiB4096 ?? null,
      sharedBlocksShare: shared,
    }
    return { figures, rows }
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
}
