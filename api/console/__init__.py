"""The analyst console: TypeScript source, how it is built (`build.py`), and where its built files are (`assets.py`)."""
