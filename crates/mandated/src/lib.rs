//! mandated
