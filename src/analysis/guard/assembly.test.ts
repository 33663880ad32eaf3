import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TickAssembly, type CallerReport } from './assembly.ts'
import { observeTick } from './guard.ts'
import { readGuard } from './reading.ts'
import { defaultGuardSettings } from './settings.ts'
import { track } from './simulation.testkit.ts'
import { startGuard } from './state.ts'

const start = 1_700_000_000_000
const report = (caller: string, second: number, failures = 0, share = 0.1): CallerReport => ({ caller, atMs: start + second * 1000 + 500, share, primary: track(90, 1), canary: track(10, failures) })
const at = (second: number): number => start + second * 1000

describe('the assembly of ticks', () => {
  it('closes a tick when all callers have reported', () => {
    const assembly = new TickAssembly(1000)
    assembly.add(report('a', 0))
    assembly.add(report('b', 0))
    expect(assembly.close(at(0.9))).toEqual([])
    expect(assembly.close(at(1.1))).toMatchObject([{ atMs: at(1), share: 0.1, primary: { requests: 180 }, canary: { requests: 20 } }])
    expect(assembly.close(at(9))).toEqual([])
  })

  it('waits two ticks for one that is late, and makes a tick of what comes after', () => {
    const assembly = new TickAssembly(1000)
    assembly.add(report('a', 0))
    assembly.add(report('b', 0))
    assembly.close(at(1.1))
    assembly.add(report('a', 1))
    expect(assembly.close(at(2.1))).toEqual([])
    expect(assembly.close(at(3.1))).toMatchObject([{ canary: { requests: 10 } }])
    assembly.add(report('b', 1))
    expect(assembly.close(at(3.2))).toMatchObject([{ atMs: at(2), canary: { requests: 10 } }])
  })

  it('keeps weights apart', () => {
    const assembly = new TickAssembly(1000)
    assembly.add(report('a', 0, 0, 0.1))
    assembly.add(report('a', 0, 0, 0.2))
    expect(assembly.close(at(3))).toMatchObject([{ share: 0.1 }, { share: 0.2 }])
  })

  it('makes the same evidence of reports in whatever order they come', () => {
    const reports = [0, 1, 2].flatMap((second) => ['a', 'b', 'c'].map((caller, index) => report(caller, second, index % 2)))
    const evidence = (arrived: readonly CallerReport[]): number => {
      const assembly = new TickAssembly(1000)
      for (const one of arrived) assembly.add(one)
      return readGuard(assembly.close(at(9)).reduce(observeTick, startGuard(defaultGuardSettings))).logEvidence
    }
    fc.assert(
      fc.property(fc.shuffledSubarray(reports, { minLength: reports.length }), (arrived) => {
        expect(evidence(arrived)).toBe(evidence(reports))
      }),
    )
  })
})
