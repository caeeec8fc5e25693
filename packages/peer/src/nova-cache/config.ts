import { Type } from 'typebox'

const id = (description: string) =>
  Type.Union([Type.Integer({ minimum: 0, maximum: 0xffff_fffe }), Type.Null()], { description })

/** Section `novaCache` of the peer's configuration. */
export const novaCacheSection = Type.Object(
  {
    enabled: Type.Boolean({
      description: "Whether disks of images that are wanted here are put into Nova's image cache.",
    }),
    instancesPath: Type.String({
      pattern: '^/[^\\x00-\\x1f\\x7f]*$',
      maxLength: 1000,
      description: 'instances_path of nova.conf.',
    }),
    subdirectory: Type.String({
      pattern: '^_[0-9A-Za-z._-]+$',
      maxLength: 100,
      description: 'subdirectory_name of the section [image_cache] of nova.conf.',
    }),
    format: Type.Enum(['raw', 'qcow2'], {
      description: 'Of the files: raw where nova.conf has force_raw_images (its default), qcow2 where that is off.',
    }),
    eviction: Type.Enum(['own', 'nova'], {
      description:
        'Who removes files that nobody wants or uses: own, the peer (nova.conf then has remove_unused_base_images = false), or nova.',
    }),
    mode: Type.String({
      pattern: '^0[0-7]{3}$',
      description: "Permissions of the files, octal. Nova's user reads them.",
    }),
    uid: id(
      "Owner of the files and of locks that Nova uses too. null: the peer's user. Only a privileged peer can give files away.",
    ),
    gid: id('Group of the files and locks. null: what the directories give (mode 2775), which is to be that of Nova.'),
  },
  { additionalProperties: false },
)

export const novaCacheDefaults = {
  enabled: false,
  instancesPath: '/var/lib/nova/instances',
  subdirectory: '_base',
  format: 'raw',
  eviction: 'nova',
  mode: '0644',
  uid: null,
  gid: null,
} as const
