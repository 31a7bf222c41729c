"""Pictures of motion: contact sheets, films, and a page that plays clips by itself."""
