import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of boot profiles. */
export const bootProfileErrors = {
  SHOAL_BOOT_PROFILE_HEADER: {
    message: 'The boot profile does not begin as one does: {reason}.',
    hint: 'Record it again; docs/formats/boot-profile.md says how it has to begin.',
  },
  SHOAL_BOOT_PROFILE_VERSION: {
    message: 'The boot profile has version {version}; only version 1 is known.',
    hint: 'Record it again with this version of Shoal, or update Shoal.',
  },
  SHOAL_BOOT_PROFILE_LINE: {
    message: 'Line {line} of the boot profile is not a read: {reason}.',
    hint: 'The file was cut short or changed: fetch it again, or record it again.',
  },
  SHOAL_BOOT_PROFILE_SIZE: {
    message: 'The boot profile has more than {limit}.',
    hint: 'Record a shorter time: only what a machine reads until it is up is of use.',
  },
} as const satisfies ErrorTable

export const bootProfileError = errorFactory(bootProfileErrors)
