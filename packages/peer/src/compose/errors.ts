import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of composing disks. */
export const composeErrors = {
  SHOAL_COMPOSE_UNKNOWN: {
    message: 'There is no composition {name} on this node.',
    hint: 'List them with "shoal layer compose --list --peer URL".',
  },
  SHOAL_COMPOSE_CONFLICT: {
    message: 'The composition {name} is there already, with {layer} as {format}.',
    hint: 'Give another name, or remove that one first.',
  },
  SHOAL_COMPOSE_OPTION: {
    message: 'A disk of the format {format} does not take the option {option}.',
    hint: 'Leave it out: "compression" is for qcow2, "overlay" for chain.',
  },
  SHOAL_COMPOSE_NAME_TAKEN: {
    message: '{path} is there already, and this node did not compose it.',
    hint: 'Give another name, or move that file away; what is not ours is never replaced.',
  },
  SHOAL_COMPOSE_BUSY: {
    message: '{count} compositions wait or are kept: there is no room for another.',
    hint: 'Wait until some are done, or remove some ("shoal layer compose --list --peer URL").',
  },
  SHOAL_COMPOSE_LAYER_INCOMPLETE: {
    message: 'Layer {layer} is not complete on this node: {presentBytes} of {sizeBytes} bytes are here.',
    hint: 'Assign it and wait ("shoal layer assign {layer} --node NODE --wait"), then compose again.',
  },
  SHOAL_COMPOSE_BASE_MISSING: {
    message: 'Layer {layer} needs its base {base}, which this node does not hold.',
    hint: 'Assign the base too ("shoal layer assign {base} --node NODE --wait"), then compose again.',
  },
  SHOAL_COMPOSE_LAYER_WITHDRAWN: {
    message: 'Layer {layer} was withdrawn: nothing more is made of it.',
    hint: 'Its image was deactivated or deleted in the library.',
  },
  SHOAL_COMPOSE_LAYER_INVALID: {
    message: 'The layer file {path} does not fit its manifest: {reason}.',
    hint: 'Check it with "shoal layer verify --peer URL"; import the image again if it is sound.',
  },
  SHOAL_COMPOSE_DISGUISED: {
    message: 'As a raw disk it would look like a {format} file, which a program that guesses formats would follow.',
    hint: 'Compose it as qcow2, whose format nobody has to guess; find out who made such an image.',
  },
  SHOAL_COMPOSE_NO_SPACE: {
    message: 'There is no room for the disk in {path}: {reason}.',
    hint: 'Free space there, or set compose.directory to a larger file system; then compose again.',
  },
  SHOAL_COMPOSE_IO: {
    message: 'Composing {path} failed: {reason}.',
    hint: "Check the disk's health (dmesg) and that compose.directory belongs to the peer's user.",
  },
  SHOAL_COMPOSE_CRASHED: {
    message: 'The process that composed {path} ended: {reason}.',
    hint: 'Check dmesg for a lack of memory, and the layer with "shoal layer verify --peer URL"; report it if it stays so.',
  },
  SHOAL_COMPOSE_DIRECTORY: {
    message: 'The directory {path} for composed disks cannot be used: {reason}.',
    hint: 'Set compose.directory to a directory that the peer may write to.',
  },
} as const satisfies ErrorTable

export const composeError = errorFactory(composeErrors)
