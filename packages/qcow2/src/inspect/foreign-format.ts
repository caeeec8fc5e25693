interface Signature {
  readonly format: string
  readonly offset: number
  readonly magic: Uint8Array
}

const ascii = (text: string) => Buffer.from(text, 'latin1')

/**
 * Formats that a "raw" disk must not be in disguise: QEMU or a hypervisor that probes would follow what such a
 * file names. GPT, MBR and ISO 9660 are content of honest raw disks and absent on purpose.
 * Magics: QEMU block/*.c, oslo.utils imageutils/format_inspector.py.
 */
const HEAD_SIGNATURES: readonly Signature[] = [
  { format: 'qcow2', offset: 0, magic: Buffer.from([0x51, 0x46, 0x49, 0xfb]) },
  { format: 'qed', offset: 0, magic: ascii('QED\0') },
  { format: 'vmdk', offset: 0, magic: ascii('KDMV') },
  { format: 'vmdk', offset: 0, magic: ascii('COWD') },
  { format: 'vhdx', offset: 0, magic: ascii('vhdxfile') },
  { format: 'vhd', offset: 0, magic: ascii('conectix') },
  { format: 'vdi', offset: 64, magic: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
  { format: 'luks', offset: 0, magic: Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) },
  { format: 'parallels', offset: 0, magic: ascii('WithoutFreeSpace') },
  { format: 'parallels', offset: 0, magic: ascii('WithouFreSpacExt') },
  { format: 'bochs', offset: 0, magic: ascii('Bochs Virtual HD Image') },
  { format: 'cloop', offset: 0, magic: ascii('#!/bin/sh\n#V2.0 Format') },
]

/**
 * What the own bytes of a qcow2 file must not look like: formats that are known by something else than their first bytes, so that both
 * signatures fit into one file. GPT, MBR and ISO 9660 are honest in the disk that a qcow2 image holds, not in its file.
 */
const SECOND_SIGNATURES: readonly Signature[] = [
  { format: 'vdi', offset: 64, magic: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
  { format: 'mbr', offset: 510, magic: Buffer.from([0x55, 0xaa]) },
  { format: 'gpt', offset: 512, magic: ascii('EFI PART') },
  { format: 'iso', offset: 32_769, magic: ascii('CD001') },
]

/** A fixed VHD and a DMG are known by the last 512 bytes of the file only. */
const TAIL_SIGNATURES: readonly Signature[] = [
  { format: 'vhd', offset: 0, magic: ascii('conectix') },
  { format: 'dmg', offset: 0, magic: ascii('koly') },
]

/** Bytes of the tail that {@link findForeignTail} looks at. */
export const TAIL_BYTES = 512

/** A VMDK descriptor may follow comments and blank lines; QEMU reads that far when it probes. */
const VMDK_DESCRIPTOR = /^(?:[ \t\r]*\n|#[^\n]*\n){0,64}[ \t]*version[ \t]*=[ \t]*[0-9]/

/** The other format that the first bytes of a file are in, or `undefined`. */
export function findForeignHead(head: Uint8Array): string | undefined {
  const match = HEAD_SIGNATURES.find((signature) => matches(head, signature))
  if (match !== undefined) return match.format
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 2048)).toString('latin1')
  return /^\s*# Disk DescriptorFile/i.test(text) || VMDK_DESCRIPTOR.test(text) ? 'vmdk' : undefined
}

/** The other format that the first 64 KiB of a qcow2 file are in as well, or `undefined`. */
export function findSecondFormat(head: Uint8Array): string | undefined {
  return SECOND_SIGNATURES.find((signature) => matches(head, signature))?.format
}

/** The other format that the last 512 bytes of a file are in, or `undefined`. */
export function findForeignTail(tail: Uint8Array): string | undefined {
  return TAIL_SIGNATURES.find((signature) => matches(tail, signature))?.format
}

function matches(bytes: Uint8Array, { offset, magic }: Signature): boolean {
  return magic.every((byte, index) => bytes[offset + index] === byte)
}
