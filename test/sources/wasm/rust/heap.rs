//! What programs do with Rust's heap, one way in each exported function. What is made is kept until `release`.
//! Built with `--cfg counted`, an allocator around the system's keeps the true figures, as every block is asked for.
use std::alloc::{alloc, alloc_zeroed, dealloc, Layout};
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

static mut KEPT: Vec<Box<dyn Any>> = Vec::new();

#[inline(never)]
fn keep<T: 'static>(value: T) {
    unsafe { (*std::ptr::addr_of_mut!(KEPT)).push(Box::new(value)) }
}

pub trait Shape {
    fn outline(&self, corners: u32) -> Vec<f64>;
}

pub struct Circle;

impl Shape for Circle {
    #[inline(never)]
    fn outline(&self, corners: u32) -> Vec<f64> {
        let mut points = Vec::new();
        for corner in 0..corners {
            points.push(f64::from(corner)); // a vector that grows: realloc
        }
        points
    }
}

/// Memory of a layout that no type of the language has.
pub struct Raw {
    address: *mut u8,
    layout: Layout,
}

impl Raw {
    #[inline(never)]
    fn aligned(bytes: usize, align: usize) -> Raw {
        let layout = Layout::from_size_align(bytes, align).unwrap();
        Raw { address: unsafe { alloc(layout) }, layout }
    }

    #[inline(never)]
    fn zeroed(bytes: usize) -> Raw {
        let layout = Layout::from_size_align(bytes, 4).unwrap();
        Raw { address: unsafe { alloc_zeroed(layout) }, layout }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        unsafe { dealloc(self.address, self.layout) }
    }
}

#[no_mangle]
pub extern "C" fn grow(count: u32) {
    keep(Circle.outline(count));
}

#[no_mangle]
pub extern "C" fn boxes(count: u32) {
    for i in 0..count {
        keep([u64::from(i); 32]);
    }
}

#[no_mangle]
pub extern "C" fn strings(count: u32) {
    let mut text = String::new();
    for i in 0..count {
        text += &format!("line {}\n", i);
        keep(text.clone());
    }
    text.truncate(3);
    text.shrink_to_fit();
    keep(text);
}

#[no_mangle]
pub extern "C" fn table(count: u32) {
    let mut squares = HashMap::new();
    for i in 0..count {
        squares.insert(i, u64::from(i * i));
    }
    keep(squares);
}

#[no_mangle]
pub extern "C" fn tree(count: u32) {
    keep((0..count).map(|i| (i, i.to_string())).collect::<BTreeMap<_, _>>());
}

#[no_mangle]
pub extern "C" fn shared(count: u32) {
    let name: Rc<str> = Rc::from("one for all");
    for _ in 0..count {
        keep(Rc::clone(&name));
    }
}

/// Several alignments, of which dlmalloc gives 8 by itself; the last is a block larger than any before.
#[no_mangle]
pub extern "C" fn aligned(count: u32) {
    for i in 0..count as usize {
        keep(Raw::aligned(100 + i, 16 << (i % 6)));
    }
    keep(Raw::aligned(1 << 20, 64));
}

/// Below and above what is mapped on its own.
#[no_mangle]
pub extern "C" fn zeroed(count: u32) {
    for i in 0..count as usize {
        keep(Raw::zeroed(1 + i * 100));
    }
    keep(vec![0u64; 1 << 16]);
}

/// As much as it made is gone again.
#[no_mangle]
pub extern "C" fn churn(count: u32) {
    for i in 0..count {
        drop(Circle.outline(i % 50));
        drop(Raw::aligned(64, 64));
    }
}

#[no_mangle]
pub extern "C" fn release() {
    unsafe { *std::ptr::addr_of_mut!(KEPT) = Vec::new() }
}

#[cfg(counted)]
pub mod counted {
    use std::alloc::{GlobalAlloc, Layout, System};

    static mut BLOCKS: u32 = 0;
    static mut BYTES: u32 = 0;

    struct Counted;

    #[global_allocator]
    static COUNTED: Counted = Counted;

    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            BLOCKS += 1;
            BYTES += layout.size() as u32;
            System.alloc(layout)
        }
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            BLOCKS += 1;
            BYTES += layout.size() as u32;
            System.alloc_zeroed(layout)
        }
        unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
            BLOCKS -= 1;
            BYTES -= layout.size() as u32;
            System.dealloc(address, layout)
        }
        unsafe fn realloc(&self, address: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
            BYTES = BYTES - layout.size() as u32 + bytes as u32;
            System.realloc(address, layout, bytes)
        }
    }

    #[no_mangle]
    pub extern "C" fn live_blocks() -> u32 {
        unsafe { BLOCKS }
    }

    #[no_mangle]
    pub extern "C" fn live_bytes() -> u32 {
        unsafe { BYTES }
    }
}
