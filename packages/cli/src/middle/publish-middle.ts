import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import type { Image } from '@shoal/api'
import { errorMessage } from '@shoal/core'
import { type GlanceUploader, type NewImage, openGlanceUploader, readCloudAuth } from '@shoal/openstack'
import { Chain, guestDigest, Qcow2Image } from '@shoal/qcow2'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { followImport } from '../follow/import.ts'
import { showPhase } from '../follow/phase.ts'
import { plainText } from '../format/plain-text.ts'
import type { PublishFileArgs } from '../layer/publish-file.ts'
import { printFault } from '../print-error.ts'
import { shortDigest } from '../resolve/layer.ts'
import { DiskFile } from './disk-file.ts'
import { middleImage } from './middle-image.ts'
import { type PreparedMiddle, prepareMiddle } from './prepare-middle.ts'
import { type TemporaryFile, writeTemporaryFile } from './temporary-file.ts'
import { warningLogger } from './warning-logger.ts'
import { copyStripped, writeCompressed } from './write-middle.ts'

/** For deleting what came to nothing, after which nobody waits any more. */
const CLEANUP_MS = 30_000

/** Proves an overlay, uploads it and has it imported; nothing stays in Glance unless it is published. */
export async function publishMiddle(context: CommandContext, args: PublishFileArgs): Promise<ExitCode> {
  const { output, terminal } = context
  // Wrong settings are told before hours of work.
  const auth = args['dry-run'] ? undefined : readCloudAuth({ env: terminal.env })
  await using middle = await prepareMiddle(context, args)
  const record = middleImage(middle, {
    name: args.name ?? basename(args.file, extname(args.file)),
    visibility: args.visibility,
  })
  if (auth === undefined) {
    output.show(describePlan(middle, record), () => formatPlan(record))
    return EXIT.ok
  }
  const uploader = openGlanceUploader({ clock: context.clock, logger: warningLogger(terminal) }, auth)
  try {
    await using file = await writeUpload(context, middle, args)
    const image = await uploadAndImport(context, { uploader, file, record, keep: args.keep })
    return end(context, middle, image)
  } finally {
    await uploader.close()
  }
}

/** The file as it is to be uploaded. */
async function writeUpload(
  context: CommandContext,
  middle: PreparedMiddle,
  args: PublishFileArgs,
): Promise<TemporaryFile> {
  const { terminal, signal } = context
  const { file, overlay, base } = middle
  const directory = args.tmp === undefined ? dirname(file.path) : resolve(terminal.cwd, args.tmp)
  const totalBytes = args.compress ? overlay.virtualSizeBytes : file.sizeBytes
  const label = args.compress ? 'write it compressed' : 'copy it'
  const written = await showPhase(context, { label, totalBytes }, (onProgress) =>
    writeTemporaryFile(directory, (sink) =>
      args.compress
        ? writeCompressed({ overlay, base }, sink, { signal, onProgress })
        : copyStripped({ file, image: overlay }, sink, { signal, onProgress }),
    ),
  )
  try {
    await Promise.all([file.checkUnchanged(), middle.backing.checkUnchanged()])
    if (args.compress) await checkWritten(context, middle, written.path)
    return written
  } catch (error) {
    await written[Symbol.asyncDispose]()
    throw error
  }
}

/** What was written anew has to show the same disk. */
async function checkWritten(context: CommandContext, middle: PreparedMiddle, path: string): Promise<void> {
  const { signal } = context
  await using file = await DiskFile.open(path)
  const disk = new Chain([await Qcow2Image.open(file, { signal }), middle.base])
  const digest = await showPhase(context, { label: 'check it', totalBytes: disk.virtualSizeBytes }, (onProgress) =>
    guestDigest(disk, { signal, onProgress }),
  )
  if (digest !== middle.guestDigest) throw cliError('SHOAL_CLI_MIDDLE_DIFFERS', { path: middle.file.path })
}

async function uploadAndImport(
  context: CommandContext,
  work: { uploader: GlanceUploader; file: TemporaryFile; record: NewImage; keep: boolean },
): Promise<Image> {
  const { client, signal } = context
  const { uploader, file, record, keep } = work
  const { size: sizeBytes } = await stat(file.path)
  const { id } = await uploader.createImage(record, { signal })
  await showPhase(context, { label: `upload ${record.name}`, totalBytes: sizeBytes }, (onProgress) =>
    uploader.uploadImage(id, createReadStream(file.path, { highWaterMark: 1024 ** 2 }), {
      sizeBytes,
      signal,
      onProgress,
    }),
  )
  let published: Image | undefined
  try {
    await client.importImage({ params: { image: id }, signal })
    const image = await followImport(context, { image: id })
    if (image.import?.state === 'published') published = image
    return image
  } finally {
    if (published === undefined) await takeBack(context, { uploader, id, keep })
  }
}

async function takeBack(
  { output, terminal }: CommandContext,
  { uploader, id, keep }: { uploader: GlanceUploader; id: string; keep: boolean },
): Promise<void> {
  if (keep) return output.note(`image ${id} is kept in Glance; once mended: shoal image import ${id} --wait`)
  try {
    await uploader.deleteImage(id, { signal: AbortSignal.timeout(CLEANUP_MS) })
    output.note(`image ${id} is deleted from Glance again`)
  } catch (error) {
    warningLogger(terminal).warn({ image: id, reason: errorMessage(error) }, 'the image is left in Glance; delete it')
  }
}

function end({ output, terminal }: CommandContext, { parent }: PreparedMiddle, image: Image): ExitCode {
  const { import: run } = image
  if (run?.state === 'published') {
    const name = plainText(image.name ?? image.id)
    const layers = `${shortDigest(parent.digest)} <- ${shortDigest(image.layer ?? '')}`
    output.show(image, () => `${name}: published as ${layers}; image ${image.id} in Glance`)
    return EXIT.ok
  }
  output.show(image, () => `${plainText(image.name ?? image.id)}: the import ${run?.state ?? 'did not begin'}`)
  if (run?.error) printFault(terminal, run.error, { json: output.isJson })
  return EXIT.incomplete
}

function describePlan({ file, backing, parent, overlay }: PreparedMiddle, record: NewImage) {
  return {
    file: file.path,
    backing: backing.path,
    parent: parent.digest,
    sizeBytes: file.sizeBytes,
    virtualSizeBytes: overlay.virtualSizeBytes,
    image: record,
  }
}

function formatPlan({ name, visibility, properties }: NewImage): string {
  const facts = Object.entries(properties).map(([property, value]) => `  ${property} ${value}`)
  return [`would be uploaded as hidden, ${visibility} image ${plainText(name)}:`, ...facts].join('\n')
}
