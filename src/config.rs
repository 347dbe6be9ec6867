//! The functionConfig.
