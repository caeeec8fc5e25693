import { auditList } from './audit/list.ts'
import { bootList } from './boot/list.ts'
import { bootMark } from './boot/mark.ts'
import { bootPrepare } from './boot/prepare.ts'
import { bootRelease } from './boot/release.ts'
import { bootShow } from './boot/show.ts'
import { cacheEvict } from './cache/evict.ts'
import { cacheList } from './cache/list.ts'
import { cachePin } from './cache/pin.ts'
import { cachePolicy } from './cache/policy.ts'
import { cacheShow } from './cache/show.ts'
import { cacheUnpin } from './cache/unpin.ts'
import type { Command } from './command.ts'
import { completion } from './completion.ts'
import { eventList } from './event/list.ts'
import { eventWatch } from './event/watch.ts'
import { imageImport } from './image/import.ts'
import { imageInspect } from './image/inspect.ts'
import { imageList } from './image/list.ts'
import { imageShow } from './image/show.ts'
import { imageWatch } from './image/watch.ts'
import { joinTokenCreate } from './join-token/create.ts'
import { joinTokenList } from './join-token/list.ts'
import { joinTokenRevoke } from './join-token/revoke.ts'
import { keyList } from './key/list.ts'
import { keyRetire } from './key/retire.ts'
import { keyRotate } from './key/rotate.ts'
import { layerAssign } from './layer/assign.ts'
import { layerCompose } from './layer/compose.ts'
import { layerList } from './layer/list.ts'
import { layerPublish } from './layer/publish.ts'
import { layerShow } from './layer/show.ts'
import { layerTree } from './layer/tree.ts'
import { layerUnassign } from './layer/unassign.ts'
import { layerVerify } from './layer/verify.ts'
import { libraryServe } from './library/serve.ts'
import { limitsSchedule } from './limits/schedule.ts'
import { limitsSet } from './limits/set.ts'
import { limitsShow } from './limits/show.ts'
import { nodeActivate } from './node/activate.ts'
import { nodeDrain } from './node/drain.ts'
import { nodeList } from './node/list.ts'
import { nodeQuarantine } from './node/quarantine.ts'
import { nodeRemove } from './node/remove.ts'
import { nodeRevoke } from './node/revoke.ts'
import { nodeShow } from './node/show.ts'
import { peerServe } from './peer/serve.ts'
import { place } from './place/place.ts'
import { prefetchCancel } from './prefetch/cancel.ts'
import { prefetchList } from './prefetch/list.ts'
import { prefetchPause } from './prefetch/pause.ts'
import { prefetchPlan } from './prefetch/plan.ts'
import { prefetchResume } from './prefetch/resume.ts'
import { prefetchRetry } from './prefetch/retry.ts'
import { prefetchSet } from './prefetch/set.ts'
import { prefetchShow } from './prefetch/show.ts'
import { prefetchStart } from './prefetch/start.ts'
import { prefetchWait } from './prefetch/wait.ts'
import { prefetchWatch } from './prefetch/watch.ts'
import { ruleList } from './rule/list.ts'
import { ruleRemove } from './rule/remove.ts'
import { ruleRun } from './rule/run.ts'
import { ruleSet } from './rule/set.ts'
import { ruleShow } from './rule/show.ts'
import { seedServe } from './seed/serve.ts'
import { status } from './status.ts'
import { tokenCreate } from './token/create.ts'
import { tokenList } from './token/list.ts'
import { tokenRevoke } from './token/revoke.ts'
import { top } from './top/top.ts'

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  status,
  top,
  imageList,
  imageShow,
  imageImport,
  imageWatch,
  imageInspect,
  layerList,
  layerShow,
  layerTree,
  layerPublish,
  layerAssign,
  layerUnassign,
  layerVerify,
  layerCompose,
  bootPrepare,
  bootList,
  bootShow,
  bootMark,
  bootRelease,
  nodeList,
  nodeShow,
  nodeDrain,
  nodeQuarantine,
  nodeActivate,
  nodeRemove,
  nodeRevoke,
  joinTokenCreate,
  joinTokenList,
  joinTokenRevoke,
  keyList,
  keyRotate,
  keyRetire,
  cacheShow,
  cacheList,
  cachePin,
  cacheUnpin,
  cacheEvict,
  cachePolicy,
  prefetchPlan,
  prefetchStart,
  prefetchList,
  prefetchShow,
  prefetchWatch,
  prefetchWait,
  prefetchSet,
  prefetchPause,
  prefetchResume,
  prefetchCancel,
  prefetchRetry,
  place,
  ruleList,
  ruleShow,
  ruleSet,
  ruleRemove,
  ruleRun,
  limitsShow,
  limitsSet,
  limitsSchedule,
  eventList,
  eventWatch,
  tokenCreate,
  tokenList,
  tokenRevoke,
  auditList,
  seedServe,
  peerServe,
  libraryServe,
  completion,
]

/** What each noun is, for the help. */
export const nouns: Readonly<Record<string, string>> = {
  image: 'Images of the library and their import',
  layer: 'Layers, and which nodes should have them',
  boot: 'Disks that a node serves to VMs before all of them is there',
  node: 'Compute nodes',
  'join-token': 'Tokens with which nodes join the cluster',
  key: 'Keys that sign manifests and boot profiles',
  cache: 'The layers that a node keeps: their space, and which go first',
  prefetch: 'Plans that bring images to nodes before VMs boot from them',
  rule: 'Rules that make prefetch plans by themselves',
  limits: 'Limits on transfers, changed live',
  event: 'What happens in the fleet',
  token: 'Tokens of people and pipelines, and what each may do',
  audit: 'Who changed what, and who was refused',
  seed: 'The seed service',
  peer: 'The peer daemon of a compute node',
  library: 'An image library without OpenStack',
}
