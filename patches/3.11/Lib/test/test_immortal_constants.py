"""LOAD_CONST of immortal constants, which quickening specialises."""

import dis
import unittest
from test.immortal_support import isolated
from test.support import import_helper

imm = import_helper.import_module('_testimmortal')


@isolated
class ConstantTests(unittest.TestCase):
    @staticmethod
    def opcodes(function):
        return [dis._all_opname[op]
                for op in imm.quickened(function.__code__)[::2]]

    def warm(self, source, expected):
        namespace = {}
        exec(f'def f(x=1):\n    {source}', namespace)
        f = namespace['f']
        self.assertNotIn('LOAD_CONST_IMMORTAL', self.opcodes(f))
        for i in range(100):
            self.assertEqual(f(), expected)
        return f

    def test_immortal_constants_are_specialised(self):
        for source, expected, opcode in (
                ('return [None]', [None], 'LOAD_CONST_IMMORTAL'),
                ('return [7]', [7], 'LOAD_CONST_IMMORTAL'),
                ('return ("a", x)', ('a', 1), 'LOAD_CONST_IMMORTAL__LOAD_FAST'),
                ('return (x, "a")', (1, 'a'), 'LOAD_FAST__LOAD_CONST_IMMORTAL')):
            f = self.warm(source, expected)
            self.assertIn(opcode, self.opcodes(f))
            # The public views are those of an unpatched interpreter.
            for adaptive in (True, False):
                names = [i.opname for i
                         in dis.get_instructions(f, adaptive=adaptive)]
                self.assertNotIn('IMMORTAL', ' '.join(names))
            self.assertIn('LOAD_CONST', names)

    def test_mortal_constants_are_counted(self):
        f = self.warm('return 123456789', 123456789)
        const = f.__code__.co_consts[1]
        count = imm.refcnt(const)
        held = [f() for i in range(100)]
        self.assertEqual(imm.refcnt(const), count + 100)
        del held
        self.assertEqual(imm.refcnt(const), count)

    def test_extended_arg(self):
        body = '\n    '.join(f'x = {1000 + i}.5' for i in range(300))
        f = self.warm(f'{body}\n    x = None\n    x = (3, x)\n    return x',
                      (3, None))
        self.assertIn('LOAD_CONST_IMMORTAL', self.opcodes(f))
        self.assertIn('LOAD_CONST', self.opcodes(f))
        const = f.__code__.co_consts[280]
        count = imm.refcnt(const)
        f()
        self.assertEqual(imm.refcnt(const), count)

    def test_constant_made_immortal_after_the_code_was_warm(self):
        f = self.warm('return 987654321', 987654321)
        imm.set_immortal(f.__code__.co_consts[1])
        for i in range(1000):
            self.assertEqual(f(), 987654321)


if __name__ == '__main__':
    unittest.main()
