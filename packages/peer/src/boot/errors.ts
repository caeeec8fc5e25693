import { type ErrorTable, errorFactory, errorMessage, ShoalError } from '@shoal/core'

/** Error codes of disks that are served before all of them is there. */
export const bootErrors = {
  SHOAL_BOOT_UNKNOWN: {
    message: 'There is no boot {name} on this node.',
    hint: 'List them with "shoal boot list --peer URL".',
  },
  SHOAL_BOOT_REQUEST: {
    message: 'Say what is to be booted: {reason}.',
    hint: 'Give either an image or a layer.',
  },
  SHOAL_BOOT_NAME_TAKEN: {
    message: 'The boot {name} is there already, of {what}, and was asked for in another way.',
    hint: 'Give another name, or release that one first ("shoal boot release {name}").',
  },
  SHOAL_BOOT_LIMIT: {
    message: 'This node serves {count} boots already, which is the most it serves.',
    hint: 'Release those that no VM uses any more ("shoal boot list --peer URL").',
  },
  SHOAL_BOOT_OVERLAY_TAKEN: {
    message: 'The overlay {path} cannot be had: {reason}.',
    hint: 'Name another with --overlay, or move that file away; it is never replaced.',
  },
  SHOAL_BOOT_OVERLAY_OTHER: {
    message: 'The overlay {path} was made above {origin}: above anything else its content would be garbage.',
    hint: 'Boot what it was made above, or name another overlay.',
  },
  SHOAL_BOOT_OVERLAY_IO: {
    message: 'The overlay {path} cannot be made: {reason}.',
    hint: "Check that its directory is there, has space, and that the peer's user may write to it.",
  },
  SHOAL_BOOT_IMPORTING: {
    message: 'Image {image} is being imported by the seed.',
    hint: 'It goes on by itself; see how far it is with "shoal image show {image}".',
  },
  SHOAL_BOOT_LAYER_WITHDRAWN: {
    message: 'Layer {layer} was withdrawn: nothing is booted from it any more.',
    hint: 'Its image was deactivated or deleted in the library.',
  },
  SHOAL_BOOT_LAYER_INVALID: {
    message: 'No disk can be made of layer {layer}: {reason}.',
    hint: 'Import the image again; report it if it stays so.',
  },
  SHOAL_BOOT_DIRECTORY: {
    message: 'The directory {path} for boots cannot be used: {reason}.',
    hint: 'Let the peer write to it, or set boot.socketDirectory or stateDirectory to a directory that it may write to.',
  },
  SHOAL_BOOT_SOCKET_GROUP: {
    message: 'The sockets of boots cannot be given to the group {group}: {reason}.',
    hint: "Set boot.socketGroup to a group of this machine that the peer's user is a member of.",
  },
  SHOAL_BOOT_READ_TIMEOUT: {
    message: 'A read of a VM failed: block {block} of layer {layer} could not be had for {seconds} s.',
    hint: 'Bring back a node that has the layer, or the seed; then let the VM go on ("cont"), or restart it. See boot.readTimeoutMs.',
  },
  SHOAL_BOOT_BLOCK_MISSING: {
    message: 'Block {block} of layer {layer} was said to be here, and is not, or is not what it should be.',
    hint: "It is asked for again; report it with the peer's log if it stays so.",
  },
  SHOAL_BOOT_STOPPING: {
    message: 'The peer is stopping.',
    hint: 'Ask again when it is back.',
  },
  SHOAL_BOOT_FAILED: {
    message: 'The boot {name} failed for an unexpected reason: {reason}.',
    hint: "Prepare it again; report it with the peer's log if it stays so.",
  },
} as const satisfies ErrorTable

export const bootError = errorFactory(bootErrors)

/** Of any error, one with a code. */
export function bootFailure(name: string, error: unknown): ShoalError {
  if (error instanceof ShoalError) return error
  return bootError('SHOAL_BOOT_FAILED', { name, reason: errorMessage(error) }, error)
}
