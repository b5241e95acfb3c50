//! Courses: what is taught, who takes part, and how far each has come.

pub mod announcement;
pub mod course;
pub mod enrolment;
pub mod progress;
pub mod publish_announcement;
pub mod section;
pub mod send_announcement;
