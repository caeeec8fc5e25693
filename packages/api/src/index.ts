export {
  AUDIT_OUTCOMES,
  AuditEntry,
  CreatedToken,
  PERSON_ROLES,
  PersonRole,
  Token,
  TokenRequest,
} from './access.ts'
export { Actor, isActor } from './actor.ts'
export {
  ARRIVAL_REASONS,
  type ArrivalReason,
  ArrivalSample,
  Arrivals,
  Flow,
  LayerArrivals,
  MAX_ARRIVAL_RACKS,
  MAX_FLOWS,
  MAX_SAMPLES,
  ReasonSum,
} from './arrival.ts'
export {
  Assignment,
  AssignRequest,
  AssignResult,
  DEFAULT_PRIORITY,
  DesiredAssignment,
  DesiredImage,
  DesiredState,
  LayerBootProfile,
  MAX_NODES_A_REQUEST,
  UnassignRequest,
  UnassignResult,
} from './assignment.ts'
export {
  BOOT_STATES,
  Boot,
  BootChain,
  BootOffer,
  BootProfileStatus,
  BootReads,
  BootRecording,
  BootRequest,
  BootSpans,
  MAX_BOOTS,
} from './boot.ts'
export { BootGlance, MAX_TOLD_BOOTS } from './boot-glance.ts'
export {
  CacheLayer,
  CacheLayers,
  CachePin,
  CacheStatus,
  EVICTION_REASONS,
  EvictionRequest,
  EvictionResult,
  MAX_PIN_OWNER_CHARS,
  PIN_KINDS,
  PinRequest,
  PolicyChange,
} from './cache.ts'
export { type CallOptions, type Client, type ClientOptions, createClient, type StreamEvent } from './client.ts'
export {
  COMPOSITION_FORMATS,
  COMPOSITION_STATES,
  COMPRESSIONS,
  ComposeRequest,
  Composition,
  MAX_COMPOSITIONS,
} from './composition.ts'
export { ErrorBody, ErrorResponse } from './error-body.ts'
export { apiErrors } from './errors.ts'
export { EVENT_TYPES, Event, EventType } from './event.ts'
export { parseEventStream, type ServerSentEvent } from './event-stream.ts'
export {
  HEALTH_CODES,
  HEALTH_SEVERITIES,
  HEALTH_SUBJECTS,
  HEALTH_VERDICTS,
  type HealthCode,
  HealthReason,
  type HealthVerdict,
  SwarmHealth,
} from './health.ts'
export { IMPORT_STATES, Image, ImageImport, ImageSignature, ImportState, SIGNATURE_STATES } from './image.ts'
export { ImageFile } from './image-file.ts'
export { Inspection, InspectionCheck } from './inspection.ts'
export { inventoryText } from './inventory-text.ts'
export { Layer, Verification } from './layer.ts'
export { LAYERING_STATES, Layering, LayeringRequest, LayeringState, MAX_BOOT_PROFILE_CHARS } from './layering.ts'
export {
  LIMIT_RANGE,
  Limits,
  LimitsChange,
  LimitsOverride,
  LimitsStatus,
  NodeLimits,
  ScheduledLimits,
  ToldLimits,
} from './limits.ts'
export {
  DAYS,
  type Day,
  LimitsSchedule,
  LimitsScheduleStatus,
  LimitsWindow,
  MAX_LIMITS_WINDOWS,
} from './limits-schedule.ts'
export {
  Enrollment,
  Heartbeat,
  HeartbeatAnswer,
  Inventory,
  InventoryReport,
  LAYER_STATES,
  LayerFacts,
  LayerInventory,
  LayerUses,
  MAX_HEARTBEAT_EVENTS,
  MAX_MAP_STRETCHES,
  MAX_NODE_LAYERS,
  Node,
  NodeEvent,
  NodeRegistration,
  Replicas,
  ReportedInventory,
  Revision,
} from './node.ts'
export {
  MAX_MODE_REASON_CHARS,
  MAX_QUARANTINED_NODES,
  NODE_MODES,
  type NodeMode,
  NodeModeRequest,
  NodeModeStatus,
  RefusedNode,
  ToldNodeMode,
} from './node-mode.ts'
export { MAX_NOVA_BASES, NOVA_BASE_STATES, NovaBase } from './nova-base.ts'
export type { Operation, Role } from './operation.ts'
export { type OperationId, type Operations, operations } from './operations.ts'
export {
  BootRow,
  DashboardFrame,
  LayerSpread,
  MAX_RACK_FLOWS,
  NODE_TROUBLES,
  NodeRow,
  NodeTrouble,
  Overview,
  RackFlow,
  SpreadRack,
  TrafficPoint,
} from './overview.ts'
export { PAGE_LIMIT } from './page-fields.ts'
export { MAX_PLACED_IMAGES, MAX_PLACED_VMS, PlacedVms, PlacementAnswer, PlacementRequest } from './placement.ts'
export {
  DEFAULT_PLAN_WEIGHT,
  ENDED_PLAN_STATES,
  IMAGE_FORMS,
  type ImageForm,
  MAX_PLAN_IMAGES,
  MAX_TOLD_WAVES,
  PLAN_KINDS,
  PLAN_NODE_STATES,
  PLAN_STATES,
  Plan,
  type PlanKind,
  PlanLimits,
  PlanNode,
  type PlanNodeState,
  PlanPlacement,
  PlanPrediction,
  PlanProgress,
  PlanSimulation,
  type PlanState,
  PlanSummary,
  PlanUnmet,
  PlanUpdate,
  PlanWave,
  PlanWaveProgress,
  PrefetchChange,
  PrefetchImage,
  PrefetchRequest,
  PrefetchTarget,
  Simulate,
  SLOW_REASONS,
  type SlowReason,
  WaitResult,
} from './prefetch.ts'
export { PrefetchRule, PrefetchRuleRequest, RuleImages } from './prefetch-rule.ts'
export { Session, SignIn, SignInWays } from './session.ts'
export { Ban, PeerLayer, PeerStatus, SeedStatus } from './status.ts'
export {
  CredentialRequest,
  IssuedCredential,
  JOIN_TOKEN_LIFETIME_SECONDS,
  JoinRequest,
  JoinToken,
  JoinTokenRequest,
  KeyList,
  KeyRotationRequest,
  MAX_JOIN_TOKENS,
  MAX_KEY_STATEMENTS,
  MAX_REVOCATIONS,
  NewJoinToken,
  NodeRevocation,
  RevocationList,
  SigningKey,
  ToldTrust,
} from './trust.ts'
