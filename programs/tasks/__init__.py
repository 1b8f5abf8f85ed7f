"""The built-in tasks, one YAML file each: written from the task's definition, never from a data set's rows."""
