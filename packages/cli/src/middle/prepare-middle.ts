import { resolve } from 'node:path'
import type { Layer } from '@shoal/api'
import { Chain, type DiskImage, guestDigest, type Qcow2Image } from '@shoal/qcow2'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { showPhase } from '../follow/phase.ts'
import { formatBytes } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { shortDigest } from '../resolve/layer.ts'
import { DiskFile } from './disk-file.ts'
import { checkDepth, findBacking } from './find-backing.ts'
import { findParent, type Parent } from './find-parent.ts'
import { openOverlay } from './open-overlay.ts'
import { proveParent } from './prove-parent.ts'

/** An overlay and its base, open, the base proven to be the layer. */
export interface PreparedMiddle extends Parent, AsyncDisposable {
  readonly file: DiskFile
  readonly overlay: Qcow2Image
  readonly backing: DiskFile
  readonly base: DiskImage
  /** Of base <- overlay. */
  readonly guestDigest: string
}

/** Does all that can be done without a change anywhere. Throws `SHOAL_CLI_*` and `SHOAL_IMAGE_*`. */
export async function prepareMiddle(
  context: CommandContext,
  args: { readonly file: string; readonly parent: string; readonly backing: string | undefined },
): Promise<PreparedMiddle> {
  const { output, terminal, signal } = context
  await using stack = new AsyncDisposableStack()
  const file = stack.use(await DiskFile.open(resolve(terminal.cwd, args.file)))
  const overlay = await openOverlay(file, { signal })
  const { parent, parentImage } = await findParent(context, args.parent)
  const place = findBacking({ path: file.path, header: overlay.header }, { backing: args.backing, cwd: terminal.cwd })
  const by = place.from === 'header' ? "named in the file's header" : 'named by --backing'
  output.note(`backing file ${plainText(place.path)}, ${by}: to be proven to be layer ${shortDigest(parent.digest)}`)
  const backing = stack.use(await DiskFile.open(place.path))
  await checkDepth(file.path, backing, place.format)
  checkSize(file.path, overlay, parent)
  const base = await showPhase(context, { label: 'prove the parent', totalBytes: parent.sizeBytes }, (onProgress) =>
    proveParent({ file: backing, format: place.format }, parent, { signal, onProgress }),
  )
  const disk = new Chain([overlay, base])
  const digest = await showPhase(
    context,
    { label: 'digest of the disk', totalBytes: disk.virtualSizeBytes },
    (onProgress) => guestDigest(disk, { signal, onProgress }),
  )
  const size = `${formatBytes(file.sizeBytes)} for a disk of ${formatBytes(overlay.virtualSizeBytes)}`
  output.note(`proven: ${plainText(args.file)}, ${size}, is a middle over ${shortDigest(parent.digest)}`)
  const opened = stack.move()
  return {
    ...{ file, overlay, backing, base, parent, parentImage, guestDigest: digest },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function checkSize(path: string, { virtualSizeBytes }: Qcow2Image, parent: Layer): void {
  if (virtualSizeBytes >= parent.virtualSizeBytes) return
  throw cliError('SHOAL_CLI_MIDDLE_SIZE', { path, virtualSizeBytes, baseBytes: parent.virtualSizeBytes })
}
