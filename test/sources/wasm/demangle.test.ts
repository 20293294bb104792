// The expected names are those of binutils' c++filt and of rustfilt, but for the space in `> >`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { demangle } from '../../../src/sources/wasm/demangle.js';

const PAIRS: readonly (readonly [string, string])[] = [
  ['_Znwm', 'operator new(unsigned long)'],
  ['_ZdlPvSt11align_val_t', 'operator delete(void*, std::align_val_t)'],
  ['_ZN4sk_p5abortEv', 'sk_p::abort()'],
  ['_ZNK4llvm5Twine3strEv', 'llvm::Twine::str() const'],
  ['_ZN3fooC2Ev', 'foo::foo()'],
  ['_ZN3barIiED1Ev', 'bar<int>::~bar()'],
  ['_Z3maxIiET_S0_S0_', 'int max<int>(int, int)'],
  ['_ZNSt6vectorIiSaIiEE9push_backEOi', 'std::vector<int, std::allocator<int>>::push_back(int&&)'],
  [
    '_ZNSt6vectorIPcSaIS0_EE17_M_realloc_insertIJRKS0_EEEvN9__gnu_cxx17__normal_iteratorIPS0_S2_EEDpOT_',
    'void std::vector<char*, std::allocator<char*>>::_M_realloc_insert<char* const&>(__gnu_cxx::__normal_iterator<char**, std::vector<char*, std::allocator<char*>>>, char* const&)',
  ],
  ['_ZlsRSoRK1A', 'operator<<(std::ostream&, A const&)'],
  ['_ZN1AcvbEv', 'A::operator bool()'],
  ['_ZN12_GLOBAL__N_14workEPFviE', '(anonymous namespace)::work(void (*)(int))'],
  ['_Z1fM1AFvvE', 'f(void (A::*)())'],
  ['_Z1fRA10_i', 'f(int (&) [10])'],
  ['_ZZ4mainENKUlvE_clEv', 'main::{lambda()#1}::operator()() const'],
  ['_ZZ4mainENKUliE0_clEi', 'main::{lambda(int)#2}::operator()(int) const'],
  ['_ZTV1A', 'vtable for A'],
  ['_ZThn16_N1B1fEv', 'non-virtual thunk to B::f()'],
  ['_Z1fILb1ELj4EEvv', 'void f<true, 4u>()'],
  ['_Z1fIJicdEEvDpRKT_', 'void f<int, char, double>(int const&, char const&, double const&)'],
  ['_Z1fIJEEvDpT_', 'void f<>()'],
  [
    '_ZN4llvm4PBQPlsINS_11raw_ostreamEEERT_S4_i',
    'llvm::raw_ostream& llvm::PBQP::operator<< <llvm::raw_ostream>(llvm::raw_ostream&, int)',
  ],
  ['_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE', 'core::fmt::Write::write_fmt'],
  [
    '_ZN55_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..Drop$GT$4drop17h0123456789abcdefE',
    '<alloc::vec::Vec<T> as core::Drop>::drop',
  ],
  ['_RNvC6_123foo3bar', '123foo::bar'],
  ['_RNvCs1234_7mycrate3foo', 'mycrate::foo'],
  ['_RNvCskwGfYPst2Cb_3foo16example_function', 'foo::example_function'],
  ['_RINvNtC3std3mem8align_ofdE', 'std::mem::align_of::<f64>'],
  [
    '_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_',
    '<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}',
  ],
  [
    '_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std',
    'alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>',
  ],
  ['_RMC0INtC8arrayvec8ArrayVechKj7b_E', '<arrayvec::ArrayVec<u8, 123>>'],
];

for (const [mangled, expected] of PAIRS) {
  test(mangled.slice(0, 60), () => assert.equal(demangle(mangled), expected));
}

test('a clone says what it is a clone of', () => {
  assert.equal(demangle('_Z3foov.part.0'), 'foo() [clone .part.0]');
  assert.equal(demangle('_Z3foov.llvm.1234'), 'foo()');
});

test('what is not understood stays as it is', () => {
  for (const text of [
    '',
    'malloc',
    '_Z',
    '_R',
    '_ZN',
    '_Z1fDTclsr3stdE5beginE',
    '_ZNSt',
    '_RNvB_3foo',
    `_Z${'P'.repeat(9000)}v`,
  ]) {
    assert.equal(demangle(text), text);
  }
});

test('anything comes back as text, soon', () => {
  const letters = fc.constantFrom(...'NSTIEKPRFMXYBCDLsvijcdxyz_0123456789'.split(''));
  fc.assert(
    fc.property(
      fc.constantFrom('_Z', '_R', '_ZN', '_RNvC'),
      fc.array(letters, { maxLength: 60 }),
      (head, tail) => {
        assert.equal(typeof demangle(head + tail.join('')), 'string');
      },
    ),
    { seed: 7, numRuns: 3000 },
  );
});
