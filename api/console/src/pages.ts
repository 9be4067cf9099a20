import "./theme.css";
import "./pages.css";
