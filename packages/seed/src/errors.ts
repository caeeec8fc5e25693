import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `seed`; what is wrong with the bytes of an image has the codes of `qcow2`. */
export const seedErrors = {
  SHOAL_ACCESS_KEYSTONE: {
    message: 'Keystone cannot say whose this token is: {reason}.',
    hint: 'Check access.keystone.url and that Keystone answers; a token of shoal token create needs no Keystone.',
  },
  SHOAL_ACCESS_GLANCE: {
    message: 'Glance cannot say who may have image {image}: {reason}.',
    hint: 'Check that Glance answers; a token of shoal token create acts for the cloud and needs no answer of Glance.',
  },
  SHOAL_ACCESS_RULE: {
    message: 'Rules are for admins of the cloud: what a rule does later cannot be checked with your token.',
    hint: 'Make a plan (shoal prefetch start), or ask an admin for the rule.',
  },
  SHOAL_IMAGE_NO_PURPOSE: {
    message:
      'Node {node} has no purpose for image {image}, which is not for all: nothing there is planned with it, and no tenant asks for it.',
    hint: 'Plan it (shoal prefetch start) or assign it first, or let the node ask with the token of the tenant; access.trustNodes lets nodes ask for any image.',
  },
  SHOAL_TOKEN_EXISTS: {
    message: 'There is a token {token} already.',
    hint: 'Give it another name, or revoke that one first: shoal token revoke {token}.',
  },
  SHOAL_TOKEN_LIMIT: {
    message: 'There are {limit} tokens, the most that are kept.',
    hint: 'Revoke tokens that nobody uses; shoal token list shows them with who made them.',
  },
  SHOAL_TOKEN_UNKNOWN: {
    message: 'There is no token {token}.',
    hint: 'shoal token list shows the tokens.',
  },
  SHOAL_TOKEN_FILE: {
    message: 'Token {token} is kept in a file of the seed and cannot be revoked over the API.',
    hint: 'Remove {token}.token from the state directory of the seed and start it again: it makes another one.',
  },
  SHOAL_SESSION_TOKEN: {
    message: 'The token is none that a person signs in with.',
    hint: 'Take operator.token or viewer.token from the state directory of the seed, or one that shoal token create made.',
  },
  SHOAL_SESSION_CREDENTIALS: {
    message: 'Keystone does not take this name, domain, project and password, or this token.',
    hint: 'Check all of them: Keystone does not say which is wrong. `openstack token issue` with the same must work; a token may have expired.',
  },
  SHOAL_SESSION_ROLE: {
    message: 'Keystone knows you as {actor}, and no role that you have in this project is one here.',
    hint: 'Sign in with another project, or ask an admin to map a role of yours in access.keystone.roles.',
  },
  SHOAL_SESSION_NO_KEYSTONE: {
    message: 'This seed asks no Keystone.',
    hint: 'Sign in with a token of Shoal (shoal token create), or set access.keystone.url.',
  },
  SHOAL_IMAGE_UNKNOWN: {
    message: 'The image library has no image {image}.',
    hint: 'Check the id (shoal image list) and that the seed may see the image in the library.',
  },
  SHOAL_IMAGE_NOT_ACTIVE: {
    message: 'Image {image} has status {status} in the library; only an active image can be imported.',
    hint: 'Wait for the upload to end, or reactivate the image in the library, then import it again.',
  },
  SHOAL_IMAGE_DEACTIVATED: {
    message: 'Image {image} was deactivated in the library.',
    hint: 'Reactivate it in the library, then import it again.',
  },
  SHOAL_IMAGE_DELETED: {
    message: 'Image {image} was deleted from the library.',
    hint: 'Upload it again under a new id and import that.',
  },
  SHOAL_IMAGE_CHANGED: {
    message: 'The metadata of image {image} changed in the library while it was read: {field}.',
    hint: 'Import it again; the read starts from its first byte.',
  },
  SHOAL_IMAGE_UNSIGNED: {
    message: 'Image {image} is not signed, and images.signatures.policy asks for a signature.',
    hint: 'Sign its bytes and set the four img_signature properties (docs/image-safety.md), then import it again.',
  },
  SHOAL_IMAGE_SIGNATURE_PROPERTY: {
    message: 'The property {property} of image {image} is not that of a signed image: {reason}.',
    hint: 'Set all four img_signature properties as docs/image-safety.md says, or remove all four, then import it again.',
  },
  SHOAL_IMAGE_SIGNATURE_CERTIFICATE: {
    message: 'Image {image} is signed with certificate {certificate}, which does not count: {reason}.',
    hint: 'Check img_signature_certificate_uuid, the certificate in Barbican or images.signatures.certificateDirectory, and images.signatures.trustedCertificates, then import it again.',
  },
  SHOAL_IMAGE_SIGNATURE_MISMATCH: {
    message:
      'The bytes of image {image} do not have the signature that its properties give, by the key of certificate {certificate}.',
    hint: 'Do not trust the image until its owner has said what happened; sign its bytes anew, as the hash method and key type say, then import it again.',
  },
  SHOAL_IMAGE_SIGNATURE_STALE: {
    message: 'The signature of image {image} changed, and what is stored of the image is not the file that it is of.',
    hint: 'Import it again: its bytes are read and verified anew.',
  },
  SHOAL_SIGNATURE_NO_KEY_MANAGER: {
    message: 'There is no key manager to ask for the certificates of who signed images: {reason}.',
    hint: 'Put them into images.signatures.certificateDirectory as <id>.pem; images.signatures.policy off distributes signed images without a look at their signatures.',
  },
  SHOAL_SIGNATURE_DIRECTORY: {
    message: 'The certificate file {path} cannot be read: {reason}.',
    hint: 'Check images.signatures.certificateDirectory and that the seed may read its files.',
  },
  SHOAL_SIGNATURE_CERTIFICATE: {
    message: 'What is kept as certificate {certificate} is of no use: {reason}.',
    hint: 'Store an X.509 certificate in PEM or DER under that id, or remove the id from images.signatures.trustedCertificates.',
  },
  SHOAL_IMAGE_NOT_INSPECTED: {
    message: 'The bytes of image {image} were never inspected.',
    hint: 'Import it (shoal image import {image}); shoal image show says why when it was refused before its bytes were read.',
  },
  SHOAL_IMAGE_MIDDLE_PROPERTY: {
    message: 'The property {property} of image {image} is not that of a middle: {reason}.',
    hint: 'Set the properties as docs/formats/middle-in-glance.md says, or publish the file with shoal layer publish, which does.',
  },
  SHOAL_IMAGE_PARENT_UNKNOWN: {
    message:
      'Image {image} is a middle over {parent}, and there is no published base of that digest that its project may use.',
    hint: 'Import the image of the base first, public or in the same project, then import this one again.',
  },
  SHOAL_IMAGE_MIDDLE_SIZE: {
    message: 'The disk of image {image} has {virtualSizeBytes} bytes, fewer than the {baseBytes} of its base {parent}.',
    hint: 'Make it as large at least (qemu-img resize), and publish it again.',
  },
  SHOAL_IMAGE_PARENT_UNPROVEN: {
    message: 'Image {image} is not proven to be a middle over {parent}: {reason}.',
    hint: 'Publish the file again with shoal layer publish and the base that it was made on.',
  },
  SHOAL_IMAGE_OTHER_PARENT: {
    message: 'The bytes of image {image} are layer {layer} already, which is {lies}.',
    hint: 'Write the file anew so that its bytes are others (shoal layer publish --compress), and upload that.',
  },
  SHOAL_IMPORT_QUEUE_FULL: {
    message: 'The import queue is full: {limit} images wait.',
    hint: 'Import again when some have finished, or raise imports.queueLength.',
  },
  SHOAL_IMPORT_CANCELLED: {
    message: 'The import of image {image} was cancelled on request.',
    hint: 'Import it again if it is wanted after all.',
  },
  SHOAL_IMPORT_NOT_RUNNING: {
    message: 'Image {image} is not being imported.',
    hint: 'See its state with shoal image show.',
  },
  SHOAL_IMPORT_NO_SPACE: {
    message: 'There is no space left for image {image} in {directory}.',
    hint: 'Free space or move stateDirectory to a larger file system, then import again; what was read is kept.',
  },
  SHOAL_IMPORT_IO: {
    message: 'Image {image} cannot be stored in {directory}: {reason}.',
    hint: 'Check the file system and its permissions, then import again.',
  },
  SHOAL_IMPORT_HASHING: {
    message: 'The hash worker of image {image} failed: {reason}.',
    hint: "Import it again; if it fails again, report it with the seed's log.",
  },
  SHOAL_LAYERING_NOT_IMPORTED: {
    message: 'Image {image} has no layer of its own yet, so that no base and middle can be made of it.',
    hint: 'Import it first (shoal image import).',
  },
  SHOAL_LAYERING_MIDDLE: {
    message: 'Image {image} is a middle already.',
    hint: 'Layers are made of flat images; see shoal layer tree.',
  },
  SHOAL_LAYERING_BASE: {
    message: 'Layer {base} cannot be below a middle of image {image}.',
    hint: 'Name a published base that is not larger than the image and is public or of the same project; see shoal layer tree.',
  },
  SHOAL_LAYERING_DIFFERS: {
    message: 'Base and middle of image {image} do not show its bytes at guest offset {offset}; nothing was published.',
    hint: "Check the seed's disk (shoal layer verify), then try again; report it if it happens again.",
  },
  SHOAL_LAYERING_NO_SPACE: {
    message: 'A middle of image {image} may need {neededBytes} bytes, more than is free.',
    hint: 'Free space or move stateDirectory to a larger file system, then ask again.',
  },
  SHOAL_LAYERING_IO: {
    message: 'The layers of image {image} cannot be read or written: {reason}.',
    hint: "Check the file system of the seed's state directory, then ask again.",
  },
  SHOAL_LAYERING_PROCESS: {
    message: 'The process that makes the layers of image {image} ended: {reason}.',
    hint: "Ask again; if it ends again, report it with the seed's log.",
  },
  SHOAL_LAYERING_QUEUE_FULL: {
    message: '{limit} images wait for their layers, which is the limit.',
    hint: 'Ask again when some have finished, or raise layers.queueLength.',
  },
  SHOAL_LAYERING_CANCELLED: {
    message: 'The making of layers of image {image} was cancelled on request.',
    hint: 'Ask again if they are wanted after all.',
  },
  SHOAL_LAYERING_NOT_RUNNING: {
    message: 'No layers of image {image} are being made.',
    hint: 'See its state with shoal image show.',
  },
  SHOAL_LAYER_UNKNOWN: {
    message: 'There is no layer {layer}.',
    hint: 'See shoal layer list.',
  },
  SHOAL_LAYER_WITHDRAWN: {
    message: 'Layer {layer} is withdrawn: every image of it is deactivated or deleted.',
    hint: 'Reactivate one of its images in the library first.',
  },
  SHOAL_NODE_UNKNOWN: {
    message: 'There is no node {node}.',
    hint: 'A node registers when its peer daemon starts; see shoal node list.',
  },
  SHOAL_NODES_FULL: {
    message: 'The seed has {limit} nodes, which is its limit.',
    hint: 'Remove nodes that are gone (DELETE /v1/nodes/<node>), or raise nodes.limit.',
  },
  SHOAL_NODE_QUARANTINE_LIMIT: {
    message: 'Node {node} cannot go into quarantine: {limit} nodes are there already, which is the limit.',
    hint: 'Remove nodes that are gone, let others take part again (shoal node activate), or stop the daemon on this one.',
  },
  SHOAL_ASSIGNMENT_TARGETS: {
    message: 'The assignment says no nodes.',
    hint: 'Give nodes, all, zone or rack.',
  },
  SHOAL_ASSIGNMENT_TIME: {
    message: 'The assignment has a time that no clock shows: {time}.',
    hint: 'Write it as 2026-01-31T18:00:00Z.',
  },
  SHOAL_ASSIGNMENT_LIMIT: {
    message: 'Node {node} has {limit} assignments, which is the limit.',
    hint: 'Take layers back from it first (shoal layer unassign).',
  },
  SHOAL_PLAN_UNKNOWN: {
    message: 'There is no prefetch plan {plan}.',
    hint: 'Look for it with shoal prefetch list; ended plans are forgotten after a while.',
  },
  SHOAL_PLAN_NO_FILE: {
    message: "Image {image} has no layer with the library's own bytes: it is a middle, which was written anew.",
    hint: 'Leave the form out, or say boot: nodes get the layers that it is booted from.',
  },
  SHOAL_PLAN_TARGETS: {
    message: 'It is not clear where image {image} is wanted: {reason}.',
    hint: 'Give nodes, all or vms; or zone, rack or aggregate.',
  },
  SHOAL_PLAN_REQUEST: {
    message: 'The plan contradicts itself: {reason}.',
    hint: 'Correct the request; nothing was started.',
  },
  SHOAL_PLAN_TIME: {
    message: 'The plan cannot have {field} {time}: {reason}.',
    hint: 'Write a time as 2026-01-31T18:00:00Z; see the reference for which come after which.',
  },
  SHOAL_PLAN_IDEMPOTENCY: {
    message: 'This idempotency key belongs to plan {plan}, which was another request.',
    hint: 'Send a new key with a new request.',
  },
  SHOAL_PLAN_LIMIT: {
    message: 'There are {limit} plans under way, which is the limit.',
    hint: 'Cancel plans that are no longer needed (shoal prefetch list).',
  },
  SHOAL_PLAN_ENDED: {
    message: 'Plan {plan} is {state}, so it cannot be changed.',
    hint: 'Start it again with shoal prefetch retry, or make a new one.',
  },
  SHOAL_PLAN_OF_DOWNLOADS: {
    message: 'Plan {plan} tells of what nodes download by themselves: {reason}.',
    hint: 'To bring an image to nodes, or not to, make a plan for it (shoal prefetch start --form file); limits hold for downloads too.',
  },
  SHOAL_PLAN_UNMET: {
    message: 'Nothing of plan {plan} can be met: {reason}.',
    hint: 'See what cannot be met with shoal prefetch show, mend it, and retry.',
  },
  SHOAL_PLAN_INCOMPLETE: {
    message: '{missing} of {total} nodes of plan {plan} do not have it: {reason}.',
    hint: 'It goes on when they are back; see shoal prefetch show --nodes.',
  },
  SHOAL_PLAN_EXPIRED: {
    message: 'Plan {plan} was not done by {time}.',
    hint: 'Start it again with shoal prefetch retry; nodes begin downloads again by themselves.',
  },
  SHOAL_PLAN_PLANNER: {
    message: 'The planner failed: {reason}.',
    hint: "Look at the seed's log; if it happens again, report it.",
  },
  SHOAL_SEED_DIRECTORY: {
    message: 'The data directory {directory} cannot be used: {reason}.',
    hint: 'Set stateDirectory to a directory that the seed may write to.',
  },
  SHOAL_BOOT_IMPORT_FAILED: {
    message: 'Image {image} cannot be booted, since its import did not succeed: {reason}.',
    hint: 'See what is wrong with it (shoal image show {image}); half a minute later a boot has it imported again.',
  },
  SHOAL_SEED_INTERNAL: {
    message: 'The seed failed: {reason}.',
    hint: "Look at the seed's log; if it happens again, report it.",
  },
  SHOAL_SEED_ADVERTISE: {
    message: 'swarm.host is {host}, which is no address that a node could connect to.',
    hint: "Set swarm.advertiseHost to the seed's address on the storage network.",
  },
  SHOAL_SEED_KEY: {
    message: 'The signing key {path} cannot be used: {reason}.',
    hint: 'Restore signing.key from a backup. Without one, move it away: the seed makes a new key, which every node must be told in seed.publicKey.',
  },
  SHOAL_KEY_UNKNOWN: {
    message: 'There is no signing key {key}.',
    hint: 'See shoal key list.',
  },
  SHOAL_KEY_CURRENT: {
    message: 'Key {key} is the one that signs.',
    hint: 'Give it a successor first: shoal key rotate, with --overlap 0s if it leaked.',
  },
  SHOAL_KEY_LIMIT: {
    message:
      'There are too many signing keys: at most {trusted} are trusted at a time, at most {statements} statements made of them in all.',
    hint: 'Retire keys that are not needed any more (shoal key list, shoal key retire).',
  },
  SHOAL_RULE_UNKNOWN: {
    message: 'There is no prefetch rule {rule}.',
    hint: 'See shoal rule list.',
  },
  SHOAL_RULE_CRON: {
    message: 'The rule cannot act at "{cron}": {reason}.',
    hint: 'Write five fields (minute, hour, day of the month, month, day of the week), such as "0 2 * * *" for 02:00 every day.',
  },
  SHOAL_RULE_TIME_ZONE: {
    message: 'There is no time zone {timeZone}.',
    hint: 'Give an IANA name, such as Europe/Berlin or UTC.',
  },
  SHOAL_RULE_IMAGES: {
    message: 'The rule does not say which images it means: {reason}.',
    hint: 'Give an id, a name, a tag or a property.',
  },
  SHOAL_RULE_LIMIT: {
    message: 'There are {limit} prefetch rules, which is the limit.',
    hint: 'Remove rules that are no longer needed (shoal rule remove).',
  },
  SHOAL_RULE_NO_IMAGE: {
    message: 'There is no image that the rule {rule} could prefetch.',
    hint: 'Look at its conditions (shoal rule show {rule}) and at the images (shoal image list); they have to be active in the library.',
  },
  SHOAL_LIMITS_WINDOW_NAME: {
    message: 'The schedule of limits has two windows with the name {window}.',
    hint: 'Give each window a name of its own.',
  },
  SHOAL_LIMITS_TIME_ZONE: {
    message: 'The window {window} of the schedule of limits has a time zone that is not known: {timeZone}.',
    hint: 'Give an IANA name, such as Europe/Berlin or UTC.',
  },
  SHOAL_BOOT_PROFILE_UNKNOWN: {
    message: 'Nothing is known of how image {image} boots.',
    hint: 'It becomes known with the next boots of it: prepare one with shoal boot prepare on a node.',
  },
  SHOAL_BOOT_PROFILE_NO_LAYERS: {
    message: 'Image {image} has no published layers in which to find what its boot reads.',
    hint: 'Import the image first (shoal image import); if that was done, wait until its layers are made.',
  },
  SHOAL_BOOT_PROFILE_OTHER_DISK: {
    message: 'What was recorded is no boot of image {image}: {reason}.',
    hint: 'Record a boot from the disk of this very image.',
  },
  SHOAL_BOOT_PROFILE_BUSY: {
    message: '{limit} recordings of boots wait to be worked on.',
    hint: 'Try again later; peers do so by themselves.',
  },
  SHOAL_PLACEMENT_REQUEST: {
    message: 'No places can be worked out: {reason}.',
    hint: 'Name each image and each node once, and at most {most} VMs in all; place more in several requests.',
  },
  SHOAL_PLACEMENT_NO_NODES: {
    message: 'No node that reports comes into question: {reason}.',
    hint: 'Ask for other nodes, another zone, rack or aggregate; shoal node list shows which there are and when each was seen.',
  },
  SHOAL_PLACEMENT_NO_REPORTS: {
    message: 'No node has told yet what it holds, so that no scores are known.',
    hint: 'Ask again in a few seconds; if it stays so, start peers (shoal peer serve) and look at shoal node list.',
  },
  SHOAL_PLACEMENT_BUSY: {
    message: '{limit} placements are being worked out or wait for it.',
    hint: 'Ask again in a few seconds.',
  },
  SHOAL_PLACEMENT_SOLVER: {
    message: 'The places could not be worked out: {reason}.',
    hint: 'Ask again; if it comes back, tell the developers, with the request and the log of the seed.',
  },
  SHOAL_SEED_CERTIFICATE: {
    message: 'The certificate in tls.certificateFile is that of node {name}, not of a seed.',
    hint: 'Have it issued for spiffe://DOMAIN/seed/NAME; docs/formats/credentials.md says what else it holds.',
  },
  SHOAL_TRUST_OFF: {
    message: 'Nodes of this seed have no certificates: tls.enabled is false.',
    hint: 'Set tls.enabled to true and restart the seed, then give each node a join token.',
  },
  SHOAL_JOIN_TLS: {
    message: 'A node joins over TLS alone.',
    hint: "Set seed.url of the peer to the seed's https address (tls.host, tls.port; default port 7423).",
  },
  SHOAL_JOIN_AUTHORITY: {
    message: "The certificates of this cluster come from an operator's authority, which is not here.",
    hint: 'Have it sign a certificate for the node, and set credential.certificateFile and credential.keyFile of its peer.',
  },
  SHOAL_JOIN_REFUSED: {
    message: 'Join token {token} does not let node {node} join: {reason}.',
    hint: 'Make a new one (shoal join-token create --node NAME); it is good once, for an hour unless said otherwise.',
  },
  SHOAL_JOIN_TOKEN_UNKNOWN: {
    message: 'There is no join token {token}.',
    hint: 'It was used, taken back, or is over; shoal join-token list shows those that are good.',
  },
  SHOAL_JOIN_TOKEN_LIMIT: {
    message: 'There are {limit} join tokens already, the most there may be.',
    hint: 'Take back those that nobody needs (shoal join-token revoke), or wait until they are over.',
  },
  SHOAL_REVOCATION_LIMIT: {
    message: 'There are {limit} revoked nodes already, the most there may be.',
    hint: 'Shorten tls.nodeCertificateHours: an entry goes when every certificate that it means is over.',
  },
  SHOAL_CREDENTIAL_SENDER: {
    message: 'Only node {node} itself may renew its certificate.',
    hint: 'For a node that has none, make a join token (shoal join-token create --node NAME).',
  },
  SHOAL_LAYER_GRANT_NODE: {
    message: 'A grant is made for a node that shows its certificate.',
    hint: 'Ask on the listener of nodes (tls.port), as a node; operators need no grant to read manifest and torrent.',
  },
  SHOAL_LAYER_NOT_ASSIGNED: {
    message: 'Node {node} is not to have {subject}.',
    hint: 'It is given what is assigned to it: assign the layer (shoal layer assign), or prepare a boot on that node.',
  },
} as const satisfies ErrorTable

export const seedError = errorFactory(seedErrors)
