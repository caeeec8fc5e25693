export { type CloudSession, CloudSessions } from './cloud-sessions.ts'
export { type ConfigField, configFields, environmentName } from './config-field.ts'
export { configReference } from './config-reference.ts'
export {
  type AccessTokens,
  type Credential,
  type Credentials,
  fileCredentials,
  hashOfToken,
  isPerson,
  isSameHash,
  type PersonRole,
} from './credentials.ts'
export { describeError } from './describe-error.ts'
export { serviceErrors } from './errors.ts'
export { EncodedJson, type EventStreamOptions, type StreamMessage, sendEventStream } from './event-stream.ts'
export type { FailedSignIns } from './failed-sign-ins.ts'
export { FLOODS, type Flood, type FloodReport, FloodWatch } from './flood-watch.ts'
export { type CheckResult, createHealth, type Health, type HealthCheck, type HealthReport } from './health.ts'
export type { AuditFact } from './http-audit.ts'
export type { Caller, CloudCallers, Role } from './http-auth.ts'
export type { StatusByCode } from './http-error.ts'
export type { CallerRefusal, CertificateHolder, NodeListenerOptions } from './http-node-listener.ts'
export { createHttpService, type HttpApp, type HttpService, type HttpServiceOptions } from './http-service.ts'
export { HttpSessions, type OpenSession, SESSION_HEADER, sessionCookie } from './http-session.ts'
export { type ConfigDefaults, type LoadConfigOptions, loadConfig } from './load-config.ts'
export { createLog, LOG_LEVELS, type LogLevel } from './log.ts'
export { createMetrics, type MetricOptions, type Metrics } from './metrics.ts'
export {
  type OperationHandler,
  type OperationRequest,
  type OperationResult,
  type RouteOperation,
  registerOperation,
} from './operation-route.ts'
export { printConfig, redactConfig } from './print-config.ts'
export { RawAnswer } from './raw-answer.ts'
export { EXIT_CODES, type RunServiceOptions, runService } from './run-service.ts'
export { readOrCreateSecret } from './secret-file.ts'
