import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Heap } from '../../src/pool/heap.ts'

it('a heap gives out what an ordered list would', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.array(fc.option(fc.integer())), (initial, operations) => {
      const heap = new Heap<number>((a, b) => a < b, [...initial])
      const model = [...initial].sort((a, b) => a - b)
      for (const operation of operations) {
        if (operation === null) expect(heap.pop()).toBe(model.shift())
        else {
          heap.push(operation)
          model.push(operation)
          model.sort((a, b) => a - b)
        }
        expect([heap.size, heap.peek()]).toEqual([model.length, model[0]])
      }
    }),
  )
})
