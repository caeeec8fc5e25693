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
  SHOAL_CLI_LAYER_UNKNOWN: {
    message: 'No layer or image matches "{layer}".',
    hint: 'Give a digest, at least the first 8 of its hexadecimal digits, or the id or name of an image ("shoal layer list").',
  },
  SHOAL_CLI_LAYER_AMBIGUOUS: {
    message: '{count} layers start with "{layer}": {digests}.',
    hint: 'Give more digits of the digest.',
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
