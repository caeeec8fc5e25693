export { assertAccepted } from './assert-accepted.ts'
export { checkDeclaration, type Declared, type ImageDeclaration, type ImageLimits } from './declaration.ts'
export { imageErrors } from './image-errors.ts'
export { HEAD_BYTES, inspectHead } from './inspect-head.ts'
export { inspectImage } from './inspect-image.ts'
export {
  type CheckName,
  type CheckResult,
  QCOW2_HEAD_CHECKS,
  QCOW2_TABLE_CHECKS,
  RAW_CHECKS,
  type Verdict,
} from './verdict.ts'
