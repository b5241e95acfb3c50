//! Courses: what is taught, who takes part, and how far each has come.

pub mod course;
pub mod enrolment;
pub mod progress;
pub mod section;
