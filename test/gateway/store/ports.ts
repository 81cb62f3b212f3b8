import type { Clock, Log } from '../../../subgraphs/contract.ts'

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

export const fixedClock: Clock = { now: () => new Date('2026-03-01T12:00:00Z') }
