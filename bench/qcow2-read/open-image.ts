import { open } from 'node:fs/promises'
import { Qcow2Image } from '@shoal/qcow2'
import { fileAccess } from '@shoal/qcow2/file-access'

/** An image for as long as the process lasts: nobody closes its file. */
export async function openImage(path: string): Promise<Qcow2Image> {
  const file = await open(path)
  return Qcow2Image.open(fileAccess(file, (await file.stat()).size))
}
