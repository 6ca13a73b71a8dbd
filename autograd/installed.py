"""Why the engine is plain Python; the build writes this file anew where it installs."""

WHY_PLAIN = "the sources run as they are: an editable install, or a folder of them"
