/** What is fetched first, in this order. */
export const PRIORITIES = ['on-demand', 'boot-profile', 'plan'] as const
export type Priority = (typeof PRIORITIES)[number]
