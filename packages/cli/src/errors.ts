import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of the command line. */
export const cliErrors = {
  SHOAL_CLI_USAGE: {
    message: '{reason}',
    hint: 'Run "{command} --help" to see what it takes.',
  },
  SHOAL_CLI_NODE_VERSION: {
    message: 'Shoal needs Node 22.18 or later; this is Node {version}.',
    hint: 'Run "npm ci" in the Shoal directory, which installs Node 24 beside it, or install Node 24.',
  },
  SHOAL_CLI_SEED_URL: {
    message: '"{url}" is not the URL of a Shoal service.',
    hint: 'Give http://host:port or https://host:port with --seed (or SHOAL_SEED_URL), or with --peer.',
  },
  SHOAL_CLI_TOKEN_FILE: {
    message: 'The token file {path} cannot be used: {reason}.',
    hint: 'Name a file that holds the token and nothing else with --token-file (or SHOAL_TOKEN_FILE).',
  },
  SHOAL_CLI_IMAGE_UNKNOWN: {
    message: 'No image has the id or name "{image}".',
    hint: 'Run "shoal image list" to see the images; the seed finds new ones of the library by itself within its poll interval.',
  },
  SHOAL_CLI_IMAGE_AMBIGUOUS: {
    message: '{count} images have the name "{image}": {ids}.',
    hint: 'Name the image by its id.',
  },
  SHOAL_CLI_IMAGE_DELETED: {
    message: 'Image {image} was deleted from the library, and its layer with it.',
    hint: 'Upload the image again, then import it ("shoal image list" shows what the library has).',
  },
  SHOAL_CLI_IMAGE_NOT_PUBLISHED: {
    message: 'Image {image} has no layer: {state}.',
    hint: 'Import it with "shoal image import {image} --wait".',
  },
  SHOAL_CLI_IMAGE_FILE: {
    message: 'The file {path} cannot be inspected: {reason}.',
    hint: 'Give the path of a disk image that you may read; an image of the library is named by its id or name.',
  },
  SHOAL_CLI_BOOT_PROFILE: {
    message: 'The boot profile {path} cannot be read: {reason}.',
    hint: 'Give the path of a file as docs/formats/boot-profile.md describes it.',
  },
  SHOAL_CLI_LAYER_UNKNOWN: {
    message: 'No layer or image matches "{layer}".',
    hint: 'Give a digest, at least the first 8 of its hexadecimal digits, or the id or name of an image ("shoal layer list").',
  },
  SHOAL_CLI_LAYER_AMBIGUOUS: {
    message: '{count} layers start with "{layer}": {digests}.',
    hint: 'Give more digits of the digest.',
  },
  SHOAL_CLI_DISK_FILE: {
    message: 'The file {path} cannot be used: {reason}.',
    hint: 'Give the path of a disk image that you may read and that no VM writes to.',
  },
  SHOAL_CLI_BACKING_FILE: {
    message: 'The base that {path} was made on cannot be found: {reason}.',
    hint: 'Name the file of the base on this machine with --backing.',
  },
  SHOAL_CLI_CHAIN_TOO_DEEP: {
    message:
      'The backing file {backing} of {path} has a backing file itself, {name}; a middle lies directly on a base.',
    hint: 'Bring what is between into the file (qemu-img rebase -b BASE -F FORMAT {path}), then publish it again.',
  },
  SHOAL_CLI_PARENT_UNFIT: {
    message: 'Layer {layer} cannot be the parent: {reason}.',
    hint: 'Name a published base with --parent ("shoal layer tree" shows them).',
  },
  SHOAL_CLI_PARENT_UNPROVEN: {
    message: 'The file {path} is not known to be layer {layer}: {reason}.',
    hint: 'Save the image of the base (openstack image save --file BASE IMAGE), check that the file was made on its content, and name it with --backing.',
  },
  SHOAL_CLI_MIDDLE_SIZE: {
    message: 'The disk of {path} has {virtualSizeBytes} bytes, fewer than the {baseBytes} of its base.',
    hint: 'Make it as large at least (qemu-img resize {path} {baseBytes}), then publish it again.',
  },
  SHOAL_CLI_MIDDLE_DIFFERS: {
    message: 'What was written anew of {path} does not show the same disk.',
    hint: 'Publish it without --compress, and report this: it is a bug of Shoal, or the disk of this machine has a fault.',
  },
  SHOAL_CLI_TEMPORARY: {
    message: 'A copy cannot be written in {directory}: {reason}.',
    hint: 'Make room there, or name another directory with --tmp.',
  },
  SHOAL_CLI_PLAN_UNKNOWN: {
    message: 'No plan has the id or name "{plan}".',
    hint: 'Run "shoal prefetch list" to see the plans.',
  },
  SHOAL_CLI_PLAN_AMBIGUOUS: {
    message: '{count} plans are meant by "{plan}": {ids}.',
    hint: 'Name the plan by its id.',
  },
  SHOAL_CLI_PLAN_FILE: {
    message: 'The request in {path} cannot be read: {reason}.',
    hint: 'Give a file with what POST /v1/prefetch takes as JSON (docs/api.md), or - for standard input.',
  },
  SHOAL_CLI_OUTPUT: {
    message: 'Standard output cannot be written: {reason}.',
    hint: 'Check what it is redirected to; the command itself may have done its work.',
  },
  SHOAL_CLI_BUG: {
    message: '{stack}',
    hint: 'This is a bug of Shoal: please report it with the lines above.',
  },
} as const satisfies ErrorTable

export const cliError = errorFactory(cliErrors)
