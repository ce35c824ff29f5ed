import { existsSync } from 'node:fs'
import type { Implementation, TestFn } from 'ava'
import { canMakeNamespaces } from './namespaces.ts'

/** `test`, or where the namespaces or one of the programs are missing one that skips, its title saying why. */
export function needingNamespaces(test: TestFn, ...programs: string[]): TestFn {
  const missing = canMakeNamespaces()
    ? programs.find((program) => !existsSync(program))
    : 'root and namespaces'
  if (missing === undefined) return test
  const skip = (title: string, body: Implementation<unknown[]>) =>
    test.skip(`${title} (needs ${missing})`, body)
  return skip as TestFn
}

/** `test`, or where one of the programs is missing one that skips, its title saying which. */
export function needing<C>(test: TestFn<C>, ...programs: string[]): TestFn<C> {
  const missing = programs.find((program) => !existsSync(program))
  if (missing === undefined) return test
  const skip = (title: string, body: Implementation<unknown[], C>) =>
    test.skip(`${title} (needs ${missing})`, body)
  return skip as TestFn<C>
}
